package ntfy

import (
	"bufio"
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/hub"
	"github.com/carillon-push/carillon/model"
)

func plain(text string) *model.Event {
	return model.Published(&model.Message{
		ID: 1, Key: "hwQ2YpKdmg00", Topic: "t", Message: text, PriorityDefaulted: true, Date: time.Unix(1635528741, 0), Details: &model.Details{},
	})
}

func deleted() *model.Event {
	return model.Noticed(&model.Notice{ID: 2, Key: "DGUDShMCsc00", Kind: model.MessageDeleted, Topic: "t", Sequence: "s", Date: time.Unix(5, 0)})
}

func pollRequest() *model.Event {
	return model.Published(&model.Message{Key: "p", Topic: "t", Date: time.Unix(5, 0), PriorityDefaulted: true, Details: &model.Details{PollID: "q"}})
}

const hiJSON = `{"id":"hwQ2YpKdmg00","time":1635528741,"event":"message","topic":"t","message":"Hi!"}`

func TestFormats(t *testing.T) {
	transient := plain("Hi!")
	transient.Message.Transient = true
	deleteJSON := `{"id":"DGUDShMCsc00","sequence_id":"s","time":5,"event":"message_delete","topic":"t"}`
	pollJSON := `{"id":"p","time":5,"event":"poll_request","topic":"t","poll_id":"q"}`
	for _, c := range []struct {
		event          *model.Event
		json, sse, raw string
	}{
		{plain("Hi!"), hiJSON + "\n", "id: hwQ2YpKdmg00\ndata: " + hiJSON + "\n\n", "Hi!\n"},
		// From what is in no log, nobody can resume.
		{transient, hiJSON + "\n", "data: " + hiJSON + "\n\n", "Hi!\n"},
		{deleted(), deleteJSON + "\n", "id: DGUDShMCsc00\ndata: " + deleteJSON + "\n\n", "\n"},
		{pollRequest(), pollJSON + "\n", "event: poll_request\ndata: " + pollJSON + "\n\n", "\n"},
	} {
		require.Equal(t, c.json, string(jsonFormat.Encode(c.event)))
		require.Equal(t, c.sse, string(sseFormat.Encode(c.event)))
		require.Equal(t, c.raw, string(rawFormat.Encode(c.event)))
	}
	require.Equal(t, "a b\r c  d\n", string(rawFormat.Encode(plain("a\nb\r\nc\n\nd"))), "one line for each message")
}

func TestSigns(t *testing.T) {
	now := time.Unix(1635528898, 7)
	for _, event := range []string{"open", "keepalive"} {
		line := jsonFormat.sign(event, "s1,s2", now)
		require.Regexp(t, `^\{"id":"[0-9A-Za-z]{12}","time":1635528898,"event":"`+event+`","topic":"s1,s2"\}\n$`, string(line))
		require.NotEqual(t, line, jsonFormat.sign(event, "s1,s2", now), "the id is a new one")
		require.Regexp(t, `^event: `+event+`\ndata: \{"id":"[0-9A-Za-z]{12}","time":1635528898,"event":"`+event+`","topic":"s1,s2"\}\n\n$`,
			string(sseFormat.sign(event, "s1,s2", now)))
		require.Equal(t, "\n", string(rawFormat.sign(event, "s1,s2", now)))
	}
}

func TestContentTypes(t *testing.T) {
	require.Equal(t, "application/x-ndjson; charset=utf-8", jsonFormat.contentType())
	require.Equal(t, "text/event-stream; charset=utf-8", sseFormat.contentType())
	require.Equal(t, "text/plain; charset=utf-8", rawFormat.contentType())
}

func TestAMessageIsEncodedOncePerFormat(t *testing.T) {
	e := hub.Seal(plain("Hi!"))
	for _, f := range []format{jsonFormat, sseFormat, rawFormat} {
		first := e.Bytes(f)
		require.Same(t, &first[0], &e.Bytes(f)[0])
	}
	require.NotEqual(t, e.Bytes(jsonFormat), e.Bytes(sseFormat))
}

// Whoever reads lines of 64 KiB can read every line.
func TestLinesAreShort(t *testing.T) {
	huge := strings.Repeat("x", 300_000)
	quoted := `"` + huge + `"`
	for name, m := range map[string]model.Message{
		"text":       {Message: huge},
		"escapes":    {Message: strings.Repeat("<\"\x01\u2028\\", 40_000)},
		"characters": {Message: strings.Repeat("é語🙂", 30_000)},
		"extras":     {Message: "m", Extras: `{"a":` + quoted + `}`},
		"all":        {Title: huge, Message: huge, Extras: `{"client::notification":{"click":{"url":` + quoted + `}},"ntfy::tags":[` + quoted + `]}`},
		"icon":       {Message: huge, Extras: `{"ntfy::icon":"https://` + huge + `","ntfy::actions":[{"action":"copy","label":"l","value":` + quoted + `}]}`},
		"title":      {Title: strings.Repeat("<", 300_000), Message: strings.Repeat("<", 300_000), Details: &model.Details{}},
		"details":    {Message: "m", Details: &model.Details{Click: huge, Icon: huge, Tags: []string{huge}, Actions: []model.Action{{Body: huge}}}},
	} {
		m.Key, m.Topic = testKey, "t"
		e := model.Published(&m)
		for _, f := range []format{jsonFormat, rawFormat} {
			line := f.Encode(e)
			require.LessOrEqual(t, len(line), maxLine, name)
			require.True(t, utf8.Valid(line), name)
			in := bufio.NewScanner(bytes.NewReader(line))
			require.True(t, in.Scan(), name)
			require.NotEmpty(t, in.Text(), name)
			require.False(t, in.Scan(), name)
		}
		var got message
		require.NoError(t, json.Unmarshal(jsonFormat.Encode(e), &got), name)
		require.Equal(t, testKey, got.ID, name)
		require.NotEmpty(t, got.Message, name)
		require.True(t, strings.HasPrefix(m.Message, got.Message), name)
		require.Equal(t, 2, bytes.Count(sseFormat.Encode(e), []byte("\n")), name)
	}
}

// What does not fit goes in the order of what it is worth.
func TestWhatIsCutFirst(t *testing.T) {
	text := strings.Repeat("é", 32_000)
	got := decode(t, &model.Message{Key: testKey, Title: "title", Message: text, Extras: `{"a":"` + strings.Repeat("x", 2000) + `"}`})
	require.Equal(t, text, got.Message)
	require.Empty(t, got.Extras)

	got = decode(t, &model.Message{Key: testKey, Title: "title", Message: text + text, Details: &model.Details{Tags: []string{"a"}, Click: "c"}})
	require.Equal(t, "title", got.Title)
	require.Equal(t, []string{"a"}, got.Tags)
	require.Greater(t, len(got.Message), 65_000, "no more is cut than has to be")
	require.Zero(t, len(got.Message)%len("é"), "no character is cut in two")
}

func decode(t *testing.T, m *model.Message) message {
	t.Helper()
	var got message
	require.NoError(t, json.Unmarshal(eventJSON(model.Published(m)), &got))
	return got
}

func FuzzEncode(f *testing.F) {
	f.Add("title", "text", "tag", uint16(1))
	f.Add("<>&", "\u2028\x00\xff", "é", uint16(60_000))
	f.Fuzz(func(t *testing.T, title, text, tag string, times uint16) {
		m := &model.Message{Key: testKey, Title: title, Message: strings.Repeat(text, 1+int(times)/(1+len(text))*7), Details: &model.Details{Tags: []string{tag}}}
		if !utf8.ValidString(m.Message) {
			return // such is not stored
		}
		line := jsonFormat.Encode(model.Published(m))
		require.LessOrEqual(t, len(line), maxLine)
		require.Equal(t, 1, bytes.Count(line, []byte("\n")))
		require.NotEmpty(t, decode(t, m).Message)
		raw := rawFormat.Encode(model.Published(m))
		require.LessOrEqual(t, len(raw), maxLine)
		require.Equal(t, 1, bytes.Count(raw, []byte("\n")))
	})
}
