package web_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/testkit/browser"
)

var picture = flag.String("picture", "", "write a picture of the page to this PNG file; see scripts/draw-page.sh")

// The documentation has a picture of a node at work. Without the flag it goes to
// a temporary folder, so that making it is always tested.
func TestPicture(t *testing.T) {
	path := *picture
	if path == "" {
		t.Parallel()
		path = filepath.Join(t.TempDir(), "status-page.png")
	}
	broker := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	names := []string{"orders", "order_items", "customers", "products", "prices"}
	var ddl []string
	for _, name := range names {
		ddl = append(ddl, fmt.Sprintf("CREATE TABLE %s (id BIGINT NOT NULL PRIMARY KEY, name VARCHAR(100), amount DECIMAL(30,10))", name))
	}
	berlin := newSite(t, broker, "berlin", []string{"boston", "madrid", "osaka"}, names, append(ddl,
		`INSERT INTO products WITH RECURSIVE s AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM s WHERE n < 400) SELECT n, 'chair', n FROM s`), nil)
	boston := newSite(t, broker, "boston", []string{"berlin"}, names, append(ddl,
		`CREATE TRIGGER no BEFORE INSERT ON customers FOR EACH ROW
		BEGIN IF NEW.id = 77 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'customer 77 is blocked'; END IF; END`), nil)
	newSite(t, broker, "madrid", []string{"berlin"}, names, ddl, nil)
	osaka := newSite(t, broker, "osaka", []string{"berlin"}, names, ddl, nil)
	b := browser.New(t)
	b.Size(1280, 1130)
	b.Do("open the page", chromedp.Navigate(berlin.url))
	b.Sees("#client", "berlin")
	osaka.Expect(`SELECT count(*) FROM products`, "400")
	osaka.Node.Stop()
	b.Sees("#problems", "osaka")
	berlin.Exec(`INSERT INTO customers VALUES (77, 'blocked', 0)`)

	working := 5 // seconds
	if *picture != "" {
		working = 105 // so that the two-minute charts are full
	}
	random := rand.New(rand.NewPCG(1, 2))
	for round := range working {
		for i := range 4 + random.IntN(10) + 8*(round/30%2) {
			id := round*100 + i
			berlin.Exec(fmt.Sprintf("REPLACE INTO orders VALUES (%d, 'order', %d)", id, i), fmt.Sprintf("REPLACE INTO order_items VALUES (%d, 'chair', %d)", id, i))
		}
		for i := range random.IntN(8) {
			boston.Exec(fmt.Sprintf("REPLACE INTO prices VALUES (%d, 'chair', %d)", random.IntN(100), i))
		}
		seen := b.Text(`document.querySelectorAll("#throughput .plot path.trace")[0]?.getAttribute("d").length`)
		b.Changes(`document.querySelectorAll("#throughput .plot path.trace")[0]?.getAttribute("d").length`, seen) // per second
	}
	b.Expect("the error", `document.getElementById("matrix").innerText`, "1 error")
	b.Picture(path)
	if info, err := os.Stat(path); err != nil || info.Size() < 20_000 || info.Size() > 300_000 {
		t.Errorf("the picture: %v, %v", info, err)
	}
	b.Clean()
}
