package ntfy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/server"
)

// open are the settings of a server on which everybody may do everything, as on
// the one that ntfy's pages speak of.
func open(more ...string) map[string]string {
	settings := map[string]string{"access.default": "read-write", "topics.autocreate": "everyone"}
	for i := 0; i+1 < len(more); i += 2 {
		settings[more[i]] = more[i+1]
	}
	return settings
}

// Every statement and every example of ntfy's page about subscribing, in the order
// of the page.
func TestSeedPage(t *testing.T) {
	sections := []struct {
		title string
		test  func(t *testing.T, c *Caller)
	}{
		{"the connection stays open", seedStaysOpen},
		{"json with curl", seedJSONCurl},
		{"json with the command line client", seedJSONClient},
		{"json over HTTP", seedJSONHTTP},
		{"json with Go", seedJSONGo},
		{"json with Python", seedJSONPython},
		{"json with PHP", seedJSONPHP},
		{"sse with curl", seedSSECurl},
		{"sse over HTTP", seedSSEHTTP},
		{"sse with JavaScript", seedSSEJavaScript},
		{"raw has the text only", seedRawTextOnly},
		{"raw with curl", seedRawCurl},
		{"raw over HTTP", seedRawHTTP},
		{"raw with Go", seedRawGo},
		{"raw with Python", seedRawPython},
		{"raw with PHP", seedRawPHP},
		{"WebSocket with websocat", seedWebsocat},
		{"WebSocket over HTTP", seedWebSocketHTTP},
		{"WebSocket with Go", seedWebSocketGo},
		{"WebSocket with JavaScript", seedWebSocketJavaScript},
		{"poll", seedPoll},
		{"cached messages", seedSince},
		{"scheduled messages", seedScheduled},
		{"filters", seedFilters},
		{"table of filters", seedFilterTable},
		{"several topics", seedTopics},
		{"authentication", seedAuthentication},
		{"message format", seedMessage},
		{"attachment format", seedAttachment},
		{"example of each event", seedEvents},
		{"list of parameters", seedParameters},
	}
	settings := open("ntfy.keepalive", "200ms", "server.baseurl", "https://ntfy.example.com", "server.port", "0")
	Own(t, settings, func(t *testing.T, s *server.Server) {
		for _, section := range sections {
			t.Run(section.title, func(t *testing.T) { section.test(t, Anonymous(t, s)) })
		}
	})
}

func seedStaysOpen(t *testing.T, c *Caller) {
	for _, format := range Formats {
		stream := c.Subscribe("/mytopic/" + format)
		for i := range 3 {
			c.Publish("mytopic", fmt.Sprint(i))
			require.Equal(t, fmt.Sprint(i), stream.NextMessage().Message)
			if format != "ws" { // which has pings for that
				stream.Keepalive() // time passes, and the connection is still open
			}
		}
		stream.Hangup()
	}
}

func seedJSONCurl(t *testing.T, c *Caller) {
	p := curl(c, t, "-s ntfy.sh/disk-alerts/json")
	opened := p.is("open")
	require.Equal(t, "disk-alerts", opened.Topic)
	sent := c.Publish("disk-alerts", "Disk full")
	require.Equal(t, sent, p.is("message"))
	require.Equal(t, Message{ID: sent.ID, Time: sent.Time, Event: "message", Topic: "disk-alerts", Message: "Disk full"}, sent)
	require.Equal(t, "disk-alerts", p.is("keepalive").Topic)
}

// ntfy's own client asks as a program does and shows the messages only.
func seedJSONClient(t *testing.T, c *Caller) {
	stream := c.With("User-Agent", "ntfy/2.13.0").Stream("/disk-alerts/json")
	require.Equal(t, "open", stream.Next().Event)
	sent := c.Publish("disk-alerts", "Disk full")
	require.Equal(t, sent, stream.NextMessage())
}

func seedJSONHTTP(t *testing.T, c *Caller) {
	stream := c.Stream("/disk-alerts/json")
	require.Equal(t, "application/x-ndjson; charset=utf-8", stream.Header.Get("Content-Type"))
	require.Equal(t, []string{"chunked"}, stream.Header["Transfer-Encoding"])
	require.Equal(t, "open", stream.Next().Event)
	c.Publish("disk-alerts", "Disk full")
	require.Equal(t, "Disk full", stream.NextMessage().Message)
	require.Equal(t, "keepalive", stream.Next().Event)
}

func seedJSONGo(t *testing.T, c *Caller) { seedGo(t, c, "json", `"message":"Disk full"`) }

// seedGo is the page's program.
func seedGo(t *testing.T, c *Caller, format, found string) {
	resp, err := http.Get(c.Server.URL() + "/disk-alerts/" + format)
	require.NoError(t, err)
	overdue := time.AfterFunc(Patience, func() { resp.Body.Close() })
	defer overdue.Stop()
	defer resp.Body.Close()
	c.Publish("disk-alerts", "Disk full")
	scanner := bufio.NewScanner(resp.Body)
	for scanner.Scan() {
		if strings.Contains(scanner.Text(), found) {
			return
		}
	}
	t.Fatalf("%q did not come: %v", found, scanner.Err())
}

func seedJSONPython(t *testing.T, c *Caller) { seedPython(t, c, "json", `"message":"Disk full"`) }

// seedPython is the page's program, with the standard library for requests, which
// may be missing.
func seedPython(t *testing.T, c *Caller, format, found string) {
	p := run(t, "python3", "-u", "-c", `
import sys, urllib.request
resp = urllib.request.urlopen(sys.argv[1])
print("connected")
for line in resp:
    line = line.rstrip(b"\n")
    if line:
        print(line.decode("utf-8"))
`, c.Server.URL()+"/disk-alerts/"+format)
	require.Equal(t, "connected", p.next())
	c.Publish("disk-alerts", "Disk full")
	for !strings.Contains(p.next(), found) {
	}
}

func seedJSONPHP(t *testing.T, c *Caller) { seedPHP(t, c, "json", `"message":"Disk full"`) }

// seedPHP does what fopen and fgets of PHP do: before version 8 that is HTTP/1.0,
// which has no chunks, and since then HTTP/1.1 with one request per connection.
func seedPHP(t *testing.T, c *Caller, format, found string) {
	for _, version := range []string{"1.0", "1.1"} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(c.Server.URL(), "http://"))
		require.NoError(t, err)
		defer conn.Close()
		require.NoError(t, conn.SetDeadline(time.Now().Add(Patience)))
		_, err = fmt.Fprintf(conn, "GET /disk-alerts/%s HTTP/%s\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", format, version)
		require.NoError(t, err)
		lines := bufio.NewReader(conn)
		status, err := lines.ReadString('\n')
		require.NoError(t, err)
		require.Contains(t, status, "200")
		response, err := http.ReadResponse(bufio.NewReader(io.MultiReader(strings.NewReader(status), lines)), nil)
		require.NoError(t, err)
		require.Equal(t, version == "1.1", len(response.TransferEncoding) == 1, "chunks are of HTTP/1.1")
		c.Publish("disk-alerts", "Disk full")
		body := bufio.NewReaderSize(response.Body, 2048)
		for line := ""; !strings.Contains(line, found); {
			line, err = body.ReadString('\n')
			require.NoError(t, err)
		}
	}
}

func seedSSECurl(t *testing.T, c *Caller) {
	p := curl(c, t, "-s ntfy.sh/mytopic/sse")
	require.Equal(t, "event: open", p.next())
	data := func() Message {
		text, found := strings.CutPrefix(p.next(), "data: ")
		require.True(t, found)
		m, err := parse([]byte(text))
		require.NoError(t, err)
		require.Empty(t, p.next(), "an empty line ends an event")
		return m
	}
	require.Equal(t, "open", data().Event)
	sent := c.Publish("mytopic", "Hi!")
	line := p.next()
	for ; line == "event: keepalive"; line = p.next() {
		data()
	}
	require.Equal(t, "id: "+sent.ID, line, "what a browser sends when it connects again")
	require.Equal(t, sent, data())
	require.Equal(t, "event: keepalive", p.next())
	require.Equal(t, "keepalive", data().Event)
}

func seedSSEHTTP(t *testing.T, c *Caller) {
	stream := c.Stream("/mytopic/sse")
	require.Equal(t, "text/event-stream; charset=utf-8", stream.Header.Get("Content-Type"))
	require.Equal(t, []string{"chunked"}, stream.Header["Transfer-Encoding"])
	opened := stream.Next()
	require.Equal(t, []string{"open", "open"}, []string{opened.Name, opened.Event})
	c.Publish("mytopic", "Hi!")
	for frame := stream.Next(); ; frame = stream.Next() {
		if frame.Event == "message" {
			require.Empty(t, frame.Name, "messages fire onmessage")
			break
		}
	}
	alive := stream.Next()
	require.Equal(t, []string{"keepalive", "keepalive"}, []string{alive.Name, alive.Event})
}

// A page of another origin may have an EventSource.
func seedSSEJavaScript(t *testing.T, c *Caller) {
	browser := c.With("Accept", "text/event-stream", "Cache-Control", "no-cache", "Origin", "https://example.com",
		"Sec-Fetch-Mode", "cors", "Sec-Fetch-Site", "cross-site", "Priority", "u=1, i")
	stream := browser.Subscribe("/mytopic/sse")
	require.Equal(t, "*", stream.Header.Get("Access-Control-Allow-Origin"))
	sent := c.Publish("mytopic", "Hi!")
	require.Equal(t, sent, stream.NextMessage())
}

func seedRawTextOnly(t *testing.T, c *Caller) {
	stream := c.Subscribe("/disk-alerts/raw")
	c.Publish("disk-alerts", "Disk full", "Priority", "high", "Tags", "warning,skull", "Title", "A title", "Click", "https://example.com")
	c.Publish("disk-alerts", "two\nlines")
	require.Equal(t, "Disk full", stream.NextMessage().Message)
	require.Equal(t, "two lines", stream.NextMessage().Message, "one line per message")
	require.Empty(t, stream.Next().Text, "a keepalive is an empty line")
}

func seedRawCurl(t *testing.T, c *Caller) {
	p := curl(c, t, "-s ntfy.sh/disk-alerts/raw")
	require.Empty(t, p.next())
	c.Publish("disk-alerts", "Disk full")
	line := p.next()
	for line == "" {
		line = p.next()
	}
	require.Equal(t, "Disk full", line)
}

func seedRawHTTP(t *testing.T, c *Caller) {
	stream := c.Stream("/disk-alerts/raw")
	require.Equal(t, "text/plain; charset=utf-8", stream.Header.Get("Content-Type"))
	require.Equal(t, []string{"chunked"}, stream.Header["Transfer-Encoding"])
	require.Empty(t, stream.Next().Text)
	c.Publish("disk-alerts", "Disk full")
	require.Equal(t, "Disk full", stream.NextMessage().Message)
}

func seedRawGo(t *testing.T, c *Caller)     { seedGo(t, c, "raw", "Disk full") }
func seedRawPython(t *testing.T, c *Caller) { seedPython(t, c, "raw", "Disk full") }
func seedRawPHP(t *testing.T, c *Caller)    { seedPHP(t, c, "raw", "Disk full") }

// websocat prints each frame as it is.
func seedWebsocat(t *testing.T, c *Caller) {
	stream := c.Stream("/mytopic/ws")
	opened := stream.Next()
	require.Equal(t, []string{"open", "mytopic"}, []string{opened.Event, opened.Topic})
	sent := c.Publish("mytopic", "hi there")
	require.Equal(t, sent, stream.Next().Message)
	// It is like the json stream.
	lines := c.Subscribe("/mytopic/json")
	c.Publish("mytopic", "the same <b> \u2028 🔔", "Title", "Title", "Tags", "a,b")
	require.Equal(t, stream.Next().Text, lines.Next().Text)
}

func seedWebSocketHTTP(t *testing.T, c *Caller) {
	conn, err := net.Dial("tcp", strings.TrimPrefix(c.Server.URL(), "http://"))
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(Patience)))
	_, err = io.WriteString(conn, "GET /disk-alerts/ws HTTP/1.1\r\nHost: ntfy.sh\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	require.NoError(t, err)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	require.Equal(t, "101 Switching Protocols", response.Status)
	require.Equal(t, "websocket", response.Header.Get("Upgrade"))
	require.Equal(t, "Upgrade", response.Header.Get("Connection"))
	require.Equal(t, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", response.Header.Get("Sec-WebSocket-Accept"))
}

func seedWebSocketGo(t *testing.T, c *Caller) {
	ws, response, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(c.Server.URL(), "http")+"/mytopic/ws", nil)
	require.NoError(t, err)
	response.Body.Close()
	defer ws.Close()
	require.NoError(t, ws.SetReadDeadline(time.Now().Add(Patience)))
	for _, event := range []string{"open", "message"} {
		messageType, data, err := ws.ReadMessage()
		require.NoError(t, err)
		require.Equal(t, websocket.TextMessage, messageType)
		require.Contains(t, string(data), `"event":"`+event+`"`)
		c.Publish("mytopic", "hi there")
	}
}

// A page of another origin may open a WebSocket.
func seedWebSocketJavaScript(t *testing.T, c *Caller) {
	stream := c.With("Origin", "https://example.com").Subscribe("/mytopic/ws")
	sent := c.Publish("mytopic", "hi there")
	require.Equal(t, sent, stream.NextMessage())
}

func seedPoll(t *testing.T, c *Caller) {
	sent := c.Publish("mytopic", "stored")
	events := curl(c, t, `-s "ntfy.sh/mytopic/json?poll=1"`).rest()
	require.Equal(t, sent, events[len(events)-1])
	require.Equal(t, c.Poll("mytopic", "since=all"), events, "since=all is the default")
	require.NotContains(t, strings.Join(Names(events), " "), "open")
	// It can be combined with since.
	require.Equal(t, []Message{sent}, c.Poll("mytopic", "since="+events[len(events)-2].ID))
}

func seedSince(t *testing.T, c *Caller) {
	first := c.Publish("mytopic", "first")
	second := c.Publish("mytopic", "second")
	for _, since := range []string{"10m", fmt.Sprint(first.Time - 1), first.ID, "30s", "all"} {
		p := curl(c, t, `-s "ntfy.sh/mytopic/json?since=`+since+`"`)
		p.is("open")
		for m := p.is("message"); m.ID != second.ID; m = p.is("message") { // those from before
			require.NotEqual(t, first.ID, since, "after the message with this id")
		}
		for live := c.Publish("mytopic", "live"); p.is("message").ID != live.ID; {
		}
	}
	// An id is where one stopped reading.
	require.Equal(t, second, c.Poll("mytopic", "since="+first.ID)[0])
}

func seedScheduled(t *testing.T, c *Caller) {
	later := c.Publish("mytopic", "later", "At", "1h")
	for _, alias := range []string{"sched", "scheduled"} {
		events := curl(c, t, `-s "ntfy.sh/mytopic/json?poll=1&`+alias+`=1"`).rest()
		require.Equal(t, later, events[len(events)-1])
	}
	require.NotContains(t, IDs(c.Poll("mytopic", "")), later.ID)
}

func seedFilters(t *testing.T, c *Caller) {
	p := curl(c, t, `"ntfy.sh/alerts/json?priority=high&tags=zfs-error"`)
	require.Equal(t, "alerts", p.is("open").Topic)
	c.Publish("alerts", "one tag, other priority", "Tags", "zfs-error")
	c.Publish("alerts", "priority, other tag", "Priority", "high", "Tags", "error")
	sent := c.Publish("alerts", "ZFS pool corruption detected", "Priority", "4", "Tags", "error, zfs-error")
	require.Equal(t, sent, p.is("message"))
	require.Equal(t, []string{"error", "zfs-error"}, sent.Tags)
	require.Equal(t, 4, sent.Priority)
	// One of the priorities, and all of the tags.
	both := c.Publish("alerts", "urgent", "Priority", "urgent", "Tags", "zfs-error,error,third")
	require.Equal(t, []Message{sent, both}, c.Poll("alerts", "priority=high,urgent&tags=zfs-error,error"))
}

func seedFilterTable(t *testing.T, c *Caller) {
	topic := NewTopic()
	c.Publish(topic, "another", "Title", "another title", "Priority", "low", "Tags", "error")
	sent := c.Publish(topic, "lalala", "Title", "some title", "Priority", "urgent", "Tags", "error,alert")
	for _, query := range []string{
		"id=" + sent.ID, "message=lalala", "title=some+title", "p=high,urgent", "tags=error,alert",
		"X-ID=" + sent.ID, "X-Message=lalala", "m=lalala", "X-Title=some+title", "t=some+title",
		"X-Priority=5", "prio=5", "priority=5", "X-Tags=alert", "tag=alert", "ta=alert", "TAGS=alert", "Title=some+title",
	} {
		require.Equal(t, []Message{sent}, c.Poll(topic, query), query)
	}
}

func seedTopics(t *testing.T, c *Caller) {
	p := curl(c, t, "-s ntfy.sh/mytopic1,mytopic2/json")
	require.Equal(t, "mytopic1,mytopic2", p.is("open").Topic)
	for i, topic := range []string{"mytopic1", "mytopic2"} {
		c.Publish(topic, fmt.Sprint("for topic ", i+1))
		m := p.is("message")
		require.Equal(t, []string{topic, fmt.Sprint("for topic ", i+1)}, []string{m.Topic, m.Message})
	}
	require.Equal(t, "mytopic1,mytopic2", p.is("keepalive").Topic)
}

func seedAuthentication(t *testing.T, c *Caller) {
	user, topic := NewUser(t, c.Server), NewTopic()
	user.Publish(topic, "by its owner")
	Allow(t, c.Server, "*", topic, "deny-all")
	c.RefusedStream("/" + topic + "/json").Refused(40301)
	c.Post("/"+topic, "by a stranger").Refused(40301)
	p := curl(c, t, "-u "+user.Person.Name+":"+user.Person.Password+` -s "https://ntfy.example.com/`+topic+`/json"`)
	p.is("open")
	sent := user.ByPassword().Publish(topic, "protected")
	require.Equal(t, sent, p.is("message"))
}

func seedMessage(t *testing.T, c *Caller) {
	body := object{
		"topic": "mytopic", "priority": 5, "tags": []string{"warning", "skull"}, "click": "https://homecam.mynet.lan/incident/1234",
		"attach": "https://example.com/camera.jpg", "title": "Unauthorized access detected",
		"message": "Movement detected in the yard. You better go check",
		"actions": []object{{"action": "view", "label": "Look", "url": "https://example.com"}},
	}
	sent := c.Post("/", body).Message()
	for name, got := range map[string]Message{
		"json": c.Poll("mytopic", "since=latest")[0],
		"sse":  c.Stream("/mytopic/sse?poll=1&since=latest").NextMessage(),
	} {
		require.Equal(t, sent, got, name)
	}
	require.Regexp(t, `^[0-9A-Za-z]{12}$`, sent.ID)
	require.WithinDuration(t, time.Now(), time.Unix(sent.Time, 0), Patience)
	require.Equal(t, "message", sent.Event)
	require.Equal(t, "mytopic", sent.Topic)
	require.Equal(t, body["message"], sent.Message)
	require.Equal(t, body["title"], sent.Title)
	require.Equal(t, body["tags"], sent.Tags)
	require.Equal(t, 5, sent.Priority)
	require.Equal(t, body["click"], sent.Click)
	require.Equal(t, "view", sent.Actions[0].Action)
	require.Equal(t, &Attachment{Name: "camera.jpg", URL: "https://example.com/camera.jpg"}, sent.Attachment,
		"type, size and expires are of uploaded files only")
	for priority, text := range map[int]string{1: "min", 2: "low", 3: "default", 4: "high", 5: "max"} {
		require.Equal(t, priority, c.Publish("mytopic", "m", "Priority", text).Priority)
	}
	require.Zero(t, c.Publish("mytopic", "m").Priority)
	require.NotEmpty(t, c.Publish("mytopic", "").Message, "always there in a message")
}

func seedAttachment(t *testing.T, c *Caller) {
	picture := "\x89PNG\r\n\x1a\n" + strings.Repeat("\x00", 100)
	sent := c.Publish("mytopic", picture, "Filename", "camera.png")
	require.NotNil(t, sent.Attachment)
	require.Equal(t, "camera.png", sent.Attachment.Name)
	require.Equal(t, "image/png", sent.Attachment.Type)
	require.Equal(t, int64(len(picture)), sent.Attachment.Size)
	require.Greater(t, sent.Attachment.Expires, sent.Time)
	path, ours := strings.CutPrefix(sent.Attachment.URL, "https://ntfy.example.com")
	require.True(t, ours, sent.Attachment.URL)
	require.Equal(t, picture, string(c.Get(path).Want(200).Body))
}

func seedEvents(t *testing.T, c *Caller) {
	stream := c.Stream("/phil_alerts/json")
	opened := stream.Next()
	require.Equal(t, Message{ID: opened.ID, Time: opened.Time, Event: "open", Topic: "phil_alerts"}, opened.Message)
	sent := c.Publish("phil_alerts", "Remote access to phils-laptop detected. Act right away.")
	require.Equal(t, Message{ID: sent.ID, Time: sent.Time, Event: "message", Topic: "phil_alerts", Message: sent.Message}, stream.NextMessage())
	alive := stream.Keepalive()
	require.Equal(t, Message{ID: alive.ID, Time: alive.Time, Event: "keepalive", Topic: "phil_alerts"}, alive)
	c.With("X-Poll-ID", "371sevb0pDXX").Put("/phil_alerts", nil).Want(200)
	asked := stream.NextEvent("poll_request")
	require.Equal(t, "phil_alerts", asked.Topic)
	require.NotEmpty(t, asked.ID)
	require.NotZero(t, asked.Time)
}

// Names are in any case, in headers and in the query.
func seedParameters(t *testing.T, c *Caller) {
	topic := NewTopic()
	c.Publish(topic, "old")
	first := c.Publish(topic, "first")
	sent := c.Publish(topic, "text", "Title", "title", "Priority", "4", "Tags", "tag1,tag2")
	later := c.Publish(topic, "later", "In", "1h")
	rows := []struct {
		names []string
		value string
		want  []Message
	}{
		{[]string{"since", "X-Since", "si", "SINCE"}, first.ID, []Message{sent}},
		{[]string{"scheduled", "X-Scheduled", "sched", "Sched"}, "1", []Message{first, sent, later}},
		{[]string{"id", "X-ID", "ID"}, sent.ID, []Message{sent}},
		{[]string{"message", "X-Message", "m", "M"}, "text", []Message{sent}},
		{[]string{"title", "X-Title", "t", "tItLe"}, "title", []Message{sent}},
		{[]string{"priority", "X-Priority", "prio", "p", "PRIO"}, "high,urgent", []Message{sent}},
		{[]string{"tags", "X-Tags", "tag", "ta", "TA"}, "tag2,tag1", []Message{sent}},
	}
	for _, row := range rows {
		for _, name := range row.names {
			byQuery := c.Poll(topic, name+"="+row.value)
			byHeader := c.With(name, row.value).Poll(topic, "")
			require.Equal(t, byQuery, byHeader, name)
			require.Subset(t, byQuery, row.want, name)
			require.NotContains(t, Texts(byQuery[1:]), "old", name)
		}
	}
	for _, name := range []string{"poll", "X-Poll", "po", "PO"} {
		require.NoError(t, c.Stream("/"+topic+"/json?"+name+"=1").Ended())
		require.NoError(t, c.With(name, "1").Stream("/"+topic+"/json").Ended())
	}
}
