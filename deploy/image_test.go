package deploy_test

import (
	"debug/elf"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// imageUser is the user and group of the image.
const imageUser = 65532

// image is what the Dockerfile says about the container: how the program is called and its health
// checked.
type image struct{ command, health []string }

func dockerfile(t *testing.T) image {
	t.Helper()
	text := read(t, "Dockerfile")
	list := func(instruction string) []string {
		t.Helper()
		found := regexp.MustCompile(`(?ms)^` + instruction + `\s[^\n]*?(?:\\\n\s+CMD )?\[([^\]]+)\]`).FindStringSubmatch(text)
		if found == nil {
			t.Fatalf("the Dockerfile has no %s", instruction)
		}
		var words []string
		for word := range strings.SplitSeq(found[1], ", ") {
			words = append(words, strings.Trim(word, `"`))
		}
		return words
	}
	if want := fmt.Sprintf("\nUSER %d:%d\n", imageUser, imageUser); !strings.Contains(text, want) {
		t.Errorf("the Dockerfile does not say %s", want)
	}
	return image{command: append(list("ENTRYPOINT"), list("CMD")...), health: list("HEALTHCHECK")}
}

// container is a folder with the image's files, in which the program runs without privileges and
// sees nothing else.
type container struct {
	root        string
	environment []string
}

// layOut makes the image's files as the Dockerfile does.
func layOut(t *testing.T, configuration string, environment []string) container {
	t.Helper()
	c := container{t.TempDir(), environment}
	run(t, "image/rootfs.sh", program(t), c.root)
	write(t, filepath.Join(c.root, "etc/mysql-sync/configuration.json"), read(t, configuration), 0o644)
	return c
}

// TestTheImageHasTheLicences looks for the licences of the program and of its modules.
func TestTheImageHasTheLicences(t *testing.T) {
	c := layOut(t, "compose/berlin.json", nil)
	for file, want := range map[string]string{"copyright": "Apache License", "THIRD_PARTY_NOTICES.txt": "github.com/go-sql-driver/mysql"} {
		if text := read(t, filepath.Join(c.root, "usr/share/doc/mysql-sync", file)); !strings.Contains(text, want) {
			t.Errorf("%s lacks %q", file, want)
		}
	}
}

// command makes a command that runs in the container.
func (c container) command(words ...string) *exec.Cmd {
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Env, cmd.Dir = c.environment, "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: c.root}
	if os.Getuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: imageUser, Gid: imageUser}
		return cmd
	}
	// Without root, a namespace has its own root; its user 65532 is this one outside.
	cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER
	cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: imageUser, HostID: os.Getuid(), Size: 1}}
	cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: imageUser, HostID: os.Getgid(), Size: 1}}
	return cmd
}

// defaults matches ${NAME:-default} of a compose file.
var defaults = regexp.MustCompile(`^\$\{\w+:-(.*)\}$`)

// environment returns the variables that the compose file gives a service.
func environment(t *testing.T, compose map[string]any, service string) []string {
	t.Helper()
	var all []string
	for name, value := range at(t, compose, "services", service, "environment").(map[string]any) {
		all = append(all, name+"="+defaults.ReplaceAllString(fmt.Sprint(value), "$1"))
	}
	return all
}

// What "docker compose up" does, without Docker: the image's files, user and commands, the compose
// file's environment and configurations, and the service that writes and reads. Only hosts and
// ports differ.
func TestTheImageReplicatesWithTheComposeFile(t *testing.T) {
	compose := documents(t, "docker-compose.yaml")[0]
	b := testkit.Mosquitto(t, testkit.MosquittoOptions{ACL: true, Users: map[string]string{"berlin": "berlin", "boston": "boston"}})
	is := dockerfile(t)
	try := exec.Command("sh", "compose/try.sh")
	try.Env = append(os.Environ(), environment(t, compose, "try")...)
	nodes := map[string]*testkit.NodeProcess{}
	for _, site := range []string{"berlin", "boston"} {
		server := testkit.MariaDB(t)
		db := server.Open(t, "")
		for _, statement := range append([]string{"CREATE DATABASE shop", "USE shop"}, strings.Split(read(t, "compose/init.sql"), ";\n")...) {
			if strings.TrimSpace(statement) == "" {
				continue
			}
			db.SetMaxOpenConns(1) // USE applies to one connection.
			if _, err := db.Exec(statement); err != nil {
				t.Fatalf("compose/init.sql: %v\n%s", err, statement)
			}
		}
		web := fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t))
		c := layOut(t, "compose/"+site+".json", append(environment(t, compose, site+"-node"), "MYSQL_SYNC_HTTP__LISTEN="+web,
			"MYSQL_SYNC_MQTTCONFIG__HOST="+b.Host, "MYSQL_SYNC_MQTTCONFIG__PORT="+strconv.Itoa(b.Port),
			"MYSQL_SYNC_MYSQLCONFIG__HOST="+server.Host, "MYSQL_SYNC_MYSQLCONFIG__PORT="+strconv.Itoa(server.Port)))
		healthy := func() error {
			said, err := c.command(is.health...).CombinedOutput()
			if err != nil {
				err = fmt.Errorf("%w: %s", err, said)
			}
			return err
		}
		if healthy() == nil {
			t.Errorf("%s is healthy before it runs", site)
		}
		nodes[site] = testkit.Process(t, func() *exec.Cmd { return c.command(is.command...) })
		testkit.Eventually(t, site+" to be healthy", healthy)
		for _, probe := range []string{"/healthz", "/readyz"} { // The Kubernetes manifest's probes have no token.
			answer, err := http.Get("http://" + web + probe)
			if err != nil || answer.StatusCode != http.StatusOK {
				t.Fatalf("%s: %s: %v %v", site, probe, answer, err)
			}
			_ = answer.Body.Close()
		}
		upper := strings.ToUpper(site)
		try.Env = append(try.Env, upper+"_HOST="+server.Host, upper+"_PORT="+strconv.Itoa(server.Port))
	}
	if said, err := try.CombinedOutput(); err != nil {
		t.Fatalf("compose/try.sh: %v\n%s", err, said)
	}
	for site, n := range nodes {
		status := read(t, fmt.Sprintf("/proc/%d/status", n.Pid()))
		if os.Getuid() == 0 && !strings.Contains(status, fmt.Sprintf("\nUid:\t%d\t%d\t", imageUser, imageUser)) {
			t.Errorf("%s does not run as user %d:\n%s", site, imageUser, status)
		}
		if !regexp.MustCompile(`\nCapEff:\t0+\n`).MatchString(status) && os.Getuid() == 0 {
			t.Errorf("%s has privileges:\n%s", site, status)
		}
		// ExecReload of the units, and "docker kill --signal HUP".
		if err := syscall.Kill(n.Pid(), syscall.SIGHUP); err != nil {
			t.Error(err)
		}
		n.WaitLog("reloading")
		if code := n.Stop(); code != 0 {
			t.Errorf("%s ended with code %d", site, code)
		}
	}
}

// The program needs nothing but its own file, and stays small.
func TestTheProgramIsStaticAndSmall(t *testing.T) {
	path := program(t)
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("the program asks for a dynamic linker")
		}
	}
	if libraries, err := f.ImportedLibraries(); err == nil && len(libraries) > 0 {
		t.Errorf("the program needs %v", libraries)
	}
	if f.Section(".symtab") != nil || f.Section(".debug_info") != nil {
		t.Error("the program is not stripped")
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	// The released one has 31 MiB; the longer paths of this machine's sources, which it lacks, take some 20 KiB.
	if most := int64(31<<20 + 256<<10); info.Size() > most {
		t.Errorf("the program has %d bytes, limit %d", info.Size(), most)
	}
	if said := run(t, path, "version"); !strings.Contains(said, "1.2.3") {
		t.Errorf("version prints %q, want the version of the build", said)
	}
}
