package ntfy

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/dialect"
	"github.com/carillon-push/carillon/test/gotify"
	"github.com/carillon-push/carillon/test/server"
)

// noise returns bytes that nobody takes for a text.
func noise(n int) []byte {
	data := make([]byte, n)
	_, _ = rand.Read(data)
	if n > 0 {
		data[0] = 0
	}
	return data
}

func TestUpload(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		w := newWitness(t, s)
		for _, size := range []int{1, 4096, 5000, 100_000, 3 << 20} {
			data := noise(size)
			for _, body := range []any{data, io.MultiReader(bytes.NewReader(data))} {
				before := time.Now()
				m := w.put(body, "Filename", "blob.bin", "Title", "T", "Message", "Look", "Tags", "a")
				require.Equal(t, []any{"T", "Look", []string{"a"}}, []any{m.Title, m.Message, m.Tags})
				a := m.Attachment
				require.Equal(t, []any{"blob.bin", "application/octet-stream", int64(size)}, []any{a.Name, a.Type, a.Size})
				require.WithinDuration(t, before.Add(3*time.Hour), time.Unix(a.Expires, 0), Patience)
				answer := w.file(m)
				require.True(t, bytes.Equal(data, answer.Body), "other bytes came back")
				for name, want := range map[string]string{
					"Content-Length": fmt.Sprint(size), "Content-Type": "application/octet-stream", "Content-Disposition": `attachment; filename="blob.bin"`,
					"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox", "Accept-Ranges": "bytes", "Access-Control-Allow-Origin": "*",
				} {
					require.Equal(t, want, answer.Header.Get(name), name)
				}
				head := Anonymous(t, s).Do("HEAD", w.path(m), nil).Empty(200)
				for _, name := range []string{"Content-Length", "Content-Type", "Content-Disposition", "Etag", "Last-Modified", "X-Content-Type-Options", "Content-Security-Policy", "Accept-Ranges"} {
					require.Equal(t, answer.Header.Get(name), head.Header.Get(name), name)
					require.NotEmpty(t, head.Header.Get(name), name)
				}
			}
		}
		// What a message tells of stays when nobody keeps the message, and other formats
		// of publishing do as well.
		passing := w.With("Filename", "x", "Cache", "no").Put("/"+w.topic, "passing").Message()
		require.Equal(t, passing, w.stream.NextMessage())
		require.Equal(t, "passing", string(w.file(passing).Body))
		later := w.With("Filename", "x", "Delay", "2h").Put("/"+w.topic, "later").Message()
		require.Equal(t, "later", string(w.file(later).Body))
		w.Loose().With("Filename", "x", "Delay", "4h").Put("/"+w.topic, "later than the file is kept").Refused(40015)
		w.Loose().With("Delay", "4h").Put("/"+w.topic, strings.Repeat("x", 5000)).Refused(40015)
		w.stored()
	})
}

// A file is known by its address only, and the address by the message only.
func TestFileAddresses(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		w := newWitness(t, s)
		stranger := Anonymous(t, s).Loose()
		tokens := map[string]bool{}
		for range 20 {
			m := w.put("text", "Filename", "a.txt")
			path := w.path(m)
			token := strings.TrimSuffix(strings.TrimPrefix(path, "/file/"), ".txt")
			require.Len(t, token, 28)
			require.False(t, tokens[token])
			tokens[token] = true
			for _, part := range []string{m.ID, m.ID[:6], m.ID[6:], w.topic[:8]} {
				require.NotContains(t, strings.ToLower(token), strings.ToLower(part), "the token tells nothing")
			}
			for _, other := range []string{
				"/file/" + m.ID, "/file/" + m.ID + ".txt", path[:len(path)-5], "/file/" + token[1:], "/file/" + token + "0", "/file/" + swapCase(token), "/file/" + token + ".part", "/file/" + token + "/",
				"/file/" + token + ".a.b", "/file/" + token + ".", "/file/../" + token, "/file/..%2F" + token, "/file/" + token + "%00", "/file/%2e%2e%2fsecret.key", "/file/", "/file", "/file/" + token + "/x",
				"/file/" + token + "." + strings.Repeat("x", 17), "/file/" + strings.Repeat("x", 5000), "/file/secret.key",
			} {
				answer := stranger.Get(other)
				if other == "/file/"+token+".part" { // any extension will do: it is not the name of a file
					require.Equal(t, "text", string(answer.Want(200).Body))
					continue
				}
				require.Contains(t, []int{404, 400, 307, 301}, answer.Status, other)
				require.NotEqual(t, "text", string(answer.Body))
			}
			for _, extension := range []string{"", ".txt", ".exe", ".html"} {
				require.Equal(t, "text", string(stranger.Get("/file/"+token+extension).Want(200).Body))
			}
			for _, method := range []string{"POST", "PUT", "DELETE", "PATCH"} {
				answer := stranger.Do(method, path, "x")
				require.Contains(t, []int{400, 404, 405}, answer.Status, method)
			}
			require.Equal(t, "text", string(stranger.Authorization("Bearer wrong").Get(path).Want(200).Body), "credentials are not looked at")
		}
		w.stored()
	})
}

func swapCase(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r - 32
		}
		if r >= 'A' && r <= 'Z' {
			return r + 32
		}
		return r
	}, text)
}

// A part of a file, and what one has already, as browsers and players ask.
func TestFileParts(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		w := newWitness(t, s)
		data := noise(100_000)
		m := w.put(data, "Filename", "video.bin")
		path, c := w.path(m), Anonymous(t, s)
		for part, want := range map[string][2]int{
			"bytes=0-0": {0, 1}, "bytes=0-99": {0, 100}, "bytes=99000-": {99_000, 100_000}, "bytes=-5": {99_995, 100_000}, "bytes=99999-200000": {99_999, 100_000}, "bytes=0-": {0, 100_000},
			"bytes=-200000": {0, 100_000},
		} {
			answer := c.With("Range", part).Get(path).Want(http.StatusPartialContent)
			require.True(t, bytes.Equal(data[want[0]:want[1]], answer.Body), part)
			require.Equal(t, fmt.Sprintf("bytes %d-%d/100000", want[0], want[1]-1), answer.Header.Get("Content-Range"))
			require.Equal(t, "nosniff", answer.Header.Get("X-Content-Type-Options"))
		}
		answer := c.With("Range", "bytes=0-9,500-509,-10").Get(path).Want(http.StatusPartialContent)
		kind, parameters, err := mime.ParseMediaType(answer.Header.Get("Content-Type"))
		require.NoError(t, err)
		require.Equal(t, "multipart/byteranges", kind)
		parts := multipart.NewReader(bytes.NewReader(answer.Body), parameters["boundary"])
		for _, from := range []int{0, 500, 99_990} {
			part, err := parts.NextRawPart()
			require.NoError(t, err)
			got, err := io.ReadAll(part)
			require.NoError(t, err)
			require.True(t, bytes.Equal(data[from:from+10], got))
		}
		for _, part := range []string{"bytes=100000-", "bytes=200000-300000", "bytes=5-1", "bytes=x", "bytes=-", "bytes=99999999999999999999-", "bytes=--1"} {
			answer := c.Loose().With("Range", part).Get(path).Want(http.StatusRequestedRangeNotSatisfiable)
			require.Less(t, len(answer.Body), 1000, part)
		}
		// Many parts at once cost no more than the file.
		many := "bytes=" + strings.TrimSuffix(strings.Repeat("0-99999,", 1000), ",")
		answer = c.With("Range", many).Get(path)
		require.Contains(t, []int{200, 206, 416}, answer.Status)
		require.LessOrEqual(t, len(answer.Body), 200_000)

		whole := w.file(m)
		etag, modified := whole.Header.Get("Etag"), whole.Header.Get("Last-Modified")
		for name, value := range map[string]string{"If-None-Match": etag, "If-Modified-Since": modified} {
			for _, method := range []string{"GET", "HEAD"} {
				c.With(name, value).Do(method, path, nil).Empty(http.StatusNotModified)
			}
		}
		require.Len(t, c.With("If-None-Match", `"another"`).Get(path).Want(200).Body, len(data))
		require.Len(t, c.With("If-Modified-Since", "Mon, 01 Jan 2024 00:00:00 GMT").Get(path).Want(200).Body, len(data))
		require.Len(t, c.With("If-Range", etag, "Range", "bytes=0-9").Get(path).Want(206).Body, 10)
		require.Len(t, c.With("If-Range", `"another"`, "Range", "bytes=0-9").Get(path).Want(200).Body, len(data))
		require.Empty(t, c.With("If-Match", `"another"`).Get(path).Want(http.StatusPreconditionFailed).Body)
	})
}

// Nothing that somebody uploaded runs as a page of the server.
func TestFileTypes(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		w := newWitness(t, s)
		for _, c := range []struct{ name, content, kind, served, extension string }{
			{"a.png", "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "image/png", "image/png", ".png"},
			{"photo", "\xff\xd8\xff\xe0\x00\x10JFIF\x00", "image/jpeg", "image/jpeg", ".jpg"},
			{"a.pdf", "%PDF-1.4\n", "application/pdf", "application/pdf", ".pdf"},
			{"a.gif", "GIF89a\x01\x00", "image/gif", "image/gif", ".gif"},
			{"text.png", "m", "text/plain; charset=utf-8", "text/plain; charset=utf-8", ".txt"},
			{"page.html", "<!DOCTYPE html><html><script>alert(1)</script></html>", "text/html; charset=utf-8", "text/plain; charset=utf-8", ".html"},
			{"page.txt", "<html><body>", "text/html; charset=utf-8", "text/plain; charset=utf-8", ".html"},
			{"picture.svg", `<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`, "image/svg+xml", "text/plain; charset=utf-8", ".svg"},
			{"feed.xml", `<?xml version="1.0"?><a/>`, "text/xml; charset=utf-8", "text/plain; charset=utf-8", ".xml"},
			{"latin.txt", "caf\xe9", "", "", ""},
			{"noise", string(noise(100)), "application/octet-stream", "application/octet-stream", ""},
			{"app.apk", "PK\x03\x04" + strings.Repeat("\x00", 60), "application/vnd.android.package-archive", "application/vnd.android.package-archive", ".apk"},
		} {
			m := w.put(c.content, "Filename", c.name)
			answer := w.file(m)
			require.Equal(t, c.content, string(answer.Body))
			require.Equal(t, "nosniff", answer.Header.Get("X-Content-Type-Options"))
			require.Contains(t, answer.Header.Get("Content-Security-Policy"), "sandbox")
			require.True(t, strings.HasPrefix(answer.Header.Get("Content-Disposition"), "attachment"), c.name)
			if c.kind == "" {
				continue
			}
			require.Equal(t, []string{c.name, c.kind}, []string{m.Attachment.Name, m.Attachment.Type}, c.name)
			require.Equal(t, c.served, answer.Header.Get("Content-Type"), c.name)
			require.Equal(t, c.extension, filepath.Ext(w.path(m)), c.name)
		}
		// What the sender calls it is no reason.
		m := w.put("<html>", "Filename", "a.txt", "Content-Type", "text/html")
		require.Equal(t, "text/plain; charset=utf-8", w.file(m).Header.Get("Content-Type"))
		w.stored()
	})
}

func TestFileNames(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		w := newWitness(t, s)
		for name, want := range map[string]string{
			"plain.txt": "plain.txt", "with space.txt": "with space.txt", `quo"te\.txt`: ".txt", "../../etc/passwd": "passwd", `C:\folder\a.txt`: "a.txt", "/": "attachment.txt", "..": "attachment.txt",
			".": "attachment.txt", ".hidden": ".hidden", "größe 🔔.txt": "größe 🔔.txt", "a;b=c.txt": "a;b=c.txt", `"quoted".txt`: `"quoted".txt`, "100%.txt": "100%.txt", "a\tb.txt": "ab.txt",
			"=?UTF-8?Q?a=0D=0ASet-Cookie:_x.txt?=": "aSet-Cookie: x.txt", "=?UTF-8?Q?a=00b.txt?=": "ab.txt", "\u202egpj.exe": "gpj.exe", "a\xffb.txt": "ab.txt", "a\u200bb.txt": "ab.txt",
			strings.Repeat("x", 300) + ".txt": strings.Repeat("x", 251) + ".txt", strings.Repeat("ü", 200): strings.Repeat("ü", 127), "a.tar.gz": "a.tar.gz", "NUL": "NUL", "a&b<c>.txt": "a&b<c>.txt",
		} {
			m := w.put("text", "Filename", name)
			require.Equal(t, want, m.Attachment.Name, "%q", name)
			require.Equal(t, "You received a file: "+want, m.Message)
			answer := w.file(m)
			header := answer.Header.Get("Content-Disposition")
			kind, parameters, err := mime.ParseMediaType(header)
			require.NoError(t, err, header)
			require.Equal(t, "attachment", kind)
			require.Equal(t, want, parameters["filename"], header)
			require.Empty(t, answer.Header.Get("Set-Cookie"))
			require.Regexp(t, `^[ -~]+$`, header)
		}
		w.stored()
	})
}

// What is too large is refused: before it is sent when its size is announced, else
// while it comes. Nothing of it stays.
func TestFileLimits(t *testing.T) {
	settings := map[string]string{"attachments.file": "10000", "attachments.visitor": "25000", "attachments.total": "40000"}
	Own(t, settings, func(t *testing.T, s *server.Server) {
		w := newWitness(t, s)
		upload := func(u *User, size int) *Answer { return u.Loose().With("Filename", "f").Put("/"+w.topic, noise(size)) }
		stream := func(u *User, size int) *Answer {
			return u.Loose().With("Filename", "f").Put("/"+w.topic, io.MultiReader(bytes.NewReader(noise(size))))
		}
		refusals := func(u *User, size int) {
			upload(u, size).Refused(41301)
			stream(u, size).Refused(41301)
		}
		refusals(w.User, 10_001)
		refusals(w.User, 1<<20)
		w.Loose().Put("/"+w.topic, strings.Repeat("x", 10_001)).Refused(41301)
		w.Loose().Put("/"+w.topic, ioReader(strings.Repeat("x", 10_001))).Refused(41301)
		w.Loose().Post("/", object{"topic": w.topic, "message": strings.Repeat("x", 10_001)}).Refused(41301)
		// Nor does a file stay whose message is refused after it has come.
		w.Loose().With("Filename", "f", "Actions", "copy, L, value="+strings.Repeat("v", 40_000)).Put("/"+w.topic, noise(10_000)).Refused(40000)
		require.Empty(t, files(t, s))
		// A gigabyte that is announced is refused before any of it comes.
		for _, head := range []string{
			"PUT /%s\nContent-Length: 1000000000\nFilename: f", "PUT /%s\nContent-Length: 1000000000", "POST /%s\nContent-Length: 1000000000\nExpect: 100-continue",
			"PUT /%s?filename=f\nContent-Length: 9223372036854775807\nExpect: 100-continue", "PUT /%s/seq\nContent-Length: 10001",
		} {
			w.raw(t, fmt.Sprintf(head, w.topic), "").Refused(41301)
		}
		require.Empty(t, files(t, s))
		// Each file fits, but not all of them.
		for range 2 {
			w.heard(upload(w.User, 10_000))
		}
		refusals(w.User, 5001)
		w.heard(stream(w.User, 5000))
		refusals(w.User, 1)
		// Another visitor has room until there is none for anybody.
		other := NewUser(t, s)
		Allow(t, s, other.Person.Name, w.topic, "write-only")
		w.heard(upload(other, 10_000))
		refusals(other, 5001)
		w.heard(upload(other, 5000))
		refusals(other, 1)
		third := NewUser(t, s)
		Allow(t, s, third.Person.Name, w.topic, "write-only")
		refusals(third, 1)
		w.heard(upload(third, 0))
		require.Equal(t, 6, len(files(t, s)))
		w.silent()
		// Who may not publish sends nothing.
		stranger := Anonymous(t, s).Loose().With("Filename", "f")
		stranger.Put("/"+w.topic, noise(100)).Refused(40301)
		require.Equal(t, 6, len(files(t, s)))
	})
}

// files returns the names of what lies in the server's folder of attachments.
func files(t *testing.T, s *server.Server) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(s.Dir, "data", "attachments"))
	if !os.IsNotExist(err) {
		require.NoError(t, err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

// A file goes when its time is over, or its message is deleted, and its room is
// free again. Its message stays, and so does what is not the server's.
func TestFilesExpire(t *testing.T) {
	Long(t)
	const minutes = 4 * time.Minute // files are looked through once in a minute
	Own(t, map[string]string{"attachments.expiry": "2s", "attachments.visitor": "10000"}, func(t *testing.T, s *server.Server) {
		w := newWitness(t, s)
		m := w.put(noise(9000), "Filename", "f")
		require.InDelta(t, m.Time+2, m.Attachment.Expires, Patience.Seconds())
		require.Len(t, files(t, s), 1)
		folder := filepath.Join(s.Dir, "data", "attachments")
		foreign := []string{"README.md", ".gitignore", "x.part", strings.Repeat("a", 27), strings.Repeat("a", 28) + ".bak"}
		for _, name := range foreign {
			require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte("not the server's"), 0o600))
			old := time.Now().Add(-24 * time.Hour)
			require.NoError(t, os.Chtimes(filepath.Join(folder, name), old, old))
		}
		path := w.path(m)
		gotify.Until(t, "it is not served any more", func() bool { return Anonymous(t, s).Loose().Get(path).Status == 404 })
		w.Loose().With("Filename", "f").Put("/"+w.topic, noise(9000)).Refused(41301)
		if s.Dialect.Remote { // one wait for a minute is enough: they are looked through at the start, too
			s.Restart(t)
			w.stream = w.Subscribe("/" + w.topic + "/json")
		}
		gotify.UntilWithin(t, minutes, "the file goes", func() bool { return len(files(t, s)) == len(foreign) })
		require.ElementsMatch(t, foreign, files(t, s))
		w.put(noise(9000), "Filename", "f") // its room is free
		Anonymous(t, s).Loose().Get(path).Refused(40401)
		w.stored()
		require.Len(t, w.Poll(w.topic, ""), 2)
	})
}

// With its message, a file goes.
func TestFilesOfDeletedMessages(t *testing.T) {
	Own(t, map[string]string{"attachments.visitor": "40000"}, func(t *testing.T, s *server.Server) {
		w := newWitness(t, s)
		path := "/" + w.topic
		kept := w.put(noise(9000), "Filename", "kept")
		w.put(noise(9000), "Filename", "f", "SID", "seq")
		inGotify := w.put(noise(9000), "Filename", "f")
		scheduled := w.With("Filename", "f", "Delay", "1h").Put(path, noise(9000)).Message()
		require.Len(t, files(t, s), 4)
		w.heard(w.Delete(path + "/seq"))
		w.heard(w.Delete(path + "/" + scheduled.ID))
		readable := w.Person.History()
		require.Len(t, readable, 2)
		w.Person.Delete(fmt.Sprintf("/message/%d", readable[1].ID)).Want(200)
		require.Equal(t, inGotify.ID, w.stream.NextEvent(DeleteEvent).SequenceID)
		s.Restart(t) // which looks through the files at once
		gotify.Until(t, "the files go", func() bool { return len(files(t, s)) == 1 })
		require.Len(t, Anonymous(t, s).Get("/file/"+files(t, s)[0]).Want(200).Body, 9000)
		require.Equal(t, kept, w.Poll(w.topic, "")[0])
	})
}

// A crash while a file arrives leaves nothing that is served, and a server that
// starts.
func TestKilledWhileAFileArrives(t *testing.T) {
	Own(t, nil, func(t *testing.T, s *server.Server) {
		user, topic := NewUser(t, s), NewTopic()
		done := user.With("Filename", "whole").Put("/"+topic, noise(5000)).Message()
		c := dial(t, s)
		c.say("PUT /%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nFilename: f\r\nContent-Length: 1000000\r\n\r\n%s", topic, user.Token, noise(300_000))
		gotify.Until(t, "it arrives", func() bool { return len(files(t, s)) == 2 })
		s.Kill(t)
		s.Restart(t)
		require.Equal(t, []Message{done}, user.Poll(topic, ""))
		for _, name := range files(t, s) {
			token := strings.TrimSuffix(name, ".part")
			answer := Anonymous(t, s).Loose().Get("/file/" + token)
			if strings.Contains(done.Attachment.URL, token) {
				require.Len(t, answer.Want(200).Body, 5000)
			} else {
				answer.Refused(40401)
			}
			Anonymous(t, s).Loose().Get("/file/" + token + ".part").Want(answer.Status)
		}
		user.With("Filename", "f").Put("/"+topic, "another").Want(200)
	})
}

// An upload may take its time as long as something comes, and ends when nothing
// does any more.
func TestSlowUpload(t *testing.T) {
	Long(t)
	Own(t, map[string]string{"server.timeouts.read": "1s"}, func(t *testing.T, s *server.Server) {
		user, topic := NewUser(t, s), NewTopic()
		var stalled []*connection
		if !s.Dialect.Remote { // half a minute has to pass, which no database can change
			head := fmt.Sprintf("PUT /%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n", topic, user.Token)
			stalled = append(stalled, dial(t, s).say("%sFilename: f\r\nContent-Length: 1000000\r\n\r\n%s", head, noise(5000)))
			stalled = append(stalled, dial(t, s).say("%sContent-Length: 100\r\n\r\nhalf a te", head))
		}
		slow := dial(t, s)
		const pieces, size = 40, 1000
		slow.say("PUT /%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nFilename: slow\r\nContent-Length: %d\r\n\r\n", topic, user.Token, pieces*size)
		ticks := time.NewTicker(100 * time.Millisecond)
		defer ticks.Stop()
		data := noise(pieces * size)
		for i := range pieces {
			<-ticks.C
			slow.say("%s", data[i*size:(i+1)*size])
		}
		m := slow.answer("a slow upload").Message()
		require.Equal(t, int64(len(data)), m.Attachment.Size)
		require.True(t, bytes.Equal(data, Anonymous(t, s).Get(strings.TrimPrefix(m.Attachment.URL, "http://x")).Want(200).Body))

		for _, c := range stalled {
			answer := c.answer("a stalled upload")
			answer.Refused(40800)
			_, err := io.ReadAll(c.reader)
			require.NoError(t, err, "the connection ends")
		}
		gotify.Until(t, "nothing of it stays", func() bool { return len(files(t, s)) == 1 })
		require.Equal(t, []Message{m}, user.Poll(topic, ""))
	})
}

// Who hangs up in the midst has published nothing.
func TestUploadThatIsGivenUp(t *testing.T) {
	Own(t, nil, func(t *testing.T, s *server.Server) {
		user, topic := NewUser(t, s), NewTopic()
		first := user.Publish(topic, "first")
		for _, filename := range []string{"Filename: f", "X-Nothing: x"} {
			c := dial(t, s)
			c.say("PUT /%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n%s\r\nContent-Length: 1000000\r\n\r\n%s", topic, user.Token, filename, noise(100_000))
			gotify.Until(t, "it arrives", func() bool { return len(files(t, s)) == 1 })
			require.NoError(t, c.Close())
			gotify.Until(t, "nothing of it stays", func() bool { return len(files(t, s)) == 0 })
		}
		require.Equal(t, []Message{first}, user.Poll(topic, ""))
	})
}

func TestWithoutAttachments(t *testing.T) {
	t.Parallel()
	dialect.Each(t, func(t *testing.T, d dialect.Dialect) {
		t.Parallel()
		place := server.NewPlace(t, d, nil)
		place.Environment = []string{"CARILLON_ATTACHMENTS_FOLDER="}
		w := newWitness(t, place.Start(t))
		for _, answer := range []*Answer{
			w.Loose().With("Filename", "f").Put("/"+w.topic, "short"), w.Loose().Put("/"+w.topic, strings.Repeat("x", 5000)), w.Loose().Put("/"+w.topic, "caf\xe9"),
			w.Loose().Put("/"+w.topic, ioReader(strings.Repeat("x", 5000))), w.Loose().Post("/", object{"topic": w.topic, "message": strings.Repeat("x", 5000)}),
			w.Loose().Get("/" + w.topic + "/trigger?f=x"), w.raw(t, "PUT /"+w.topic+"\nContent-Length: 1000000000\nExpect: 100-continue", ""),
		} {
			answer.Refused(40014)
		}
		require.Equal(t, "https://example.com/a", w.put("text", "Attach", "https://example.com/a").Attachment.URL, "what is elsewhere needs no room")
		Anonymous(t, w.Server).Loose().Get("/file/" + strings.Repeat("a", 28)).Refused(40401)
		w.silent()
		require.Empty(t, files(t, w.Server))
	})
}
