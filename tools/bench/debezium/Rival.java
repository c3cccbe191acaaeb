import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.debezium.connector.jdbc.JdbcSinkConnectorTask;
import io.debezium.embedded.Connect;
import io.debezium.engine.DebeziumEngine;
import io.debezium.engine.RecordChangeEvent;
import io.debezium.engine.format.ChangeEventFormat;
import java.io.File;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.sink.SinkTaskContext;
import org.apache.kafka.connect.source.SourceRecord;

/**
 * Debezium's connector for MariaDB in its embedded engine, and its JDBC sink, in one process: what a connector of Kafka
 * Connect reads is put into the sink's task without a broker in between. An offset counts as processed once the sink has
 * committed. It is a stand-in for the comparison in "make bench". Its argument is a JSON file: "source" and "sink" are
 * the settings of the two connectors, "poll" the number of records that the sink is given at a time. Its offsets are in files
 * beside it.
 */
public final class Rival {
    private static final class Settings {
        public Map<String, String> source;
        public Map<String, String> sink;
        public int poll;
    }

    public static void main(String[] arguments) throws Exception {
        Settings settings = new ObjectMapper().readValue(new File(arguments[0]), new TypeReference<Settings>() {});
        TopicPartition partition = new TopicPartition(settings.source.get("topic.prefix"), 0);
        JdbcSinkConnectorTask sink = new JdbcSinkConnectorTask();
        sink.initialize(context(settings.sink, partition));
        sink.start(settings.sink);
        sink.open(Set.of(partition));

        Properties source = new Properties();
        source.putAll(settings.source);
        source.put("offset.storage.file.filename", arguments[0] + ".offsets");
        source.put("schema.history.internal.file.filename", arguments[0] + ".history");
        CountDownLatch ended = new CountDownLatch(1);
        DebeziumEngine<RecordChangeEvent<SourceRecord>> engine = DebeziumEngine.create(ChangeEventFormat.of(Connect.class))
                .using(source)
                .using(new DebeziumEngine.ConnectorCallback() {
                    @Override
                    public void pollingStarted() {
                        System.out.println("polling");
                    }
                })
                .using((success, message, error) -> {
                    if (!success) {
                        System.out.println("failed: " + message);
                        if (error != null) {
                            error.printStackTrace(System.out);
                        }
                    }
                    ended.countDown();
                })
                .notifying(new Consumer(sink, settings.poll))
                .build();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                engine.close();
                ended.await();
                sink.stop();
            } catch (Exception e) {
                e.printStackTrace(System.out);
            }
        }));
        engine.run();
    }

    /** The context of the sink's task: its settings and its partition. Nothing else is asked for. */
    private static SinkTaskContext context(Map<String, String> settings, TopicPartition partition) {
        return (SinkTaskContext) Proxy.newProxyInstance(Rival.class.getClassLoader(), new Class<?>[] {SinkTaskContext.class},
                (proxy, method, arguments) -> switch (method.getName()) {
                    case "configs" -> settings;
                    case "assignment" -> Set.of(partition);
                    default -> null;
                });
    }

    /** Consumer gives what the engine read to the sink. */
    private static final class Consumer implements DebeziumEngine.ChangeConsumer<RecordChangeEvent<SourceRecord>> {
        private final JdbcSinkConnectorTask sink;
        private final int poll;
        private long offset;

        Consumer(JdbcSinkConnectorTask sink, int poll) {
            this.sink = sink;
            this.poll = poll;
        }

        @Override
        public void handleBatch(List<RecordChangeEvent<SourceRecord>> records,
                DebeziumEngine.RecordCommitter<RecordChangeEvent<SourceRecord>> committer) throws InterruptedException {
            for (int from = 0; from < records.size(); from += poll) {
                List<RecordChangeEvent<SourceRecord>> some = records.subList(from, Math.min(from + poll, records.size()));
                List<SinkRecord> rows = new ArrayList<>(some.size());
                for (RecordChangeEvent<SourceRecord> one : some) {
                    SourceRecord r = one.record();
                    if (r.topic().endsWith(".orders")) { // not the changes of definitions, nor heartbeats
                        rows.add(new SinkRecord(r.topic(), 0, r.keySchema(), r.key(), r.valueSchema(), r.value(), offset++));
                    }
                }
                sink.put(rows);
                if (sink.getLastProcessingException() != null) {
                    throw new IllegalStateException(sink.getLastProcessingException());
                }
                for (RecordChangeEvent<SourceRecord> one : some) {
                    committer.markProcessed(one);
                }
            }
            committer.markBatchFinished();
        }
    }
}
