// Id mapping both ways, for parts, a table that is sent and received: each site
// has its own ids. id_mapping, a table in this database that is not synced,
// holds them for each remote. Outgoing rows get the remote's id, incoming ones
// the local id; a part without an entry keeps its id.
//
//   CREATE TABLE id_mapping (
//     remote VARCHAR(32) NOT NULL, remote_id VARCHAR(64) NOT NULL, local_id VARCHAR(64) NOT NULL,
//     PRIMARY KEY (remote, remote_id), UNIQUE (remote, local_id))

const ME = 'berlin'; // clientName of this node

async function mapped(context, id) {
  const rows = context.source === ME
    ? await context.mysql.query('SELECT remote_id AS id FROM id_mapping WHERE remote = ? AND local_id = ?', context.target, id)
    : await context.mysql.query('SELECT local_id AS id FROM id_mapping WHERE remote = ? AND remote_id = ?', context.source, id);
  return rows.length > 0 ? rows[0].id : id;
}

module.exports = async function (context) {
  context.entity.id = await mapped(context, context.entity.id);
  return context.entity;
};

module.exports.onDelete = context => mapped(context, context.id);
