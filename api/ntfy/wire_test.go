package ntfy

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/model"
)

const testKey = "sPs71M8A2T00"

// requireWire checks what a message looks like, beside the fields that every
// message has.
func requireWire(t *testing.T, want string, m *model.Message) {
	t.Helper()
	m.Key, m.Topic, m.Date = testKey, "mytopic", time.Unix(1643935928, 999_000_000)
	if m.Message == "" {
		m.Message = "m"
	}
	whole := `{"id":"sPs71M8A2T00","time":1643935928,"event":"message","topic":"mytopic","message":` + strconv.Quote(m.Message) + want + `}`
	require.JSONEq(t, whole, string(eventJSON(model.Published(m))))
}

// The smallest and the largest message.
func TestMessage(t *testing.T) {
	requireWire(t, ``, &model.Message{
		Title: "App", TitleDefaulted: true, Priority: 5, PriorityDefaulted: true, Message: "Remote access to phils-laptop detected.", Details: &model.Details{},
	})
	requireWire(t, `,"sequence_id":"door","title":"Unauthorized access detected","priority":5,"tags":["warning","skull"],
		"click":"https://homecam.mynet.lan/incident/1234","icon":"https://example.com/i.png","content_type":"text/markdown","encoding":"base64",
		"attachment":{"name":"camera.jpg","type":"image/png","size":33848,"expires":1643946728,"url":"https://ntfy.sh/file/sPs71M8A2T.png"},
		"actions":[
			{"id":"a","action":"view","label":"Open","clear":false,"url":"https://example.com"},
			{"id":"b","action":"http","label":"Close","clear":true,"url":"https://example.com/x","method":"PUT","headers":{"a":"b"},"body":"{}"},
			{"id":"c","action":"broadcast","label":"Photo","clear":false,"intent":"x.y","extras":{"cmd":"pic"}}],
		"extras":{"a":1}`,
		&model.Message{
			Title: "Unauthorized access detected", Message: "Movement detected in the yard.", Priority: 10, Extras: `{"a":1}`,
			Details: &model.Details{
				Tags: []string{"warning", "skull"}, Click: "https://homecam.mynet.lan/incident/1234", Icon: "https://example.com/i.png",
				Markdown: true, Base64: true, Sequence: "door",
				Attachment: &model.Attachment{
					Name: "camera.jpg", Type: "image/png", Size: 33848, Expires: 1643946728, URL: "https://ntfy.sh/file/sPs71M8A2T.png",
				},
				Actions: []model.Action{
					{ID: "a", Action: "view", Label: "Open", URL: "https://example.com"},
					{ID: "b", Action: "http", Label: "Close", Clear: true, URL: "https://example.com/x", Method: "PUT", Headers: map[string]string{"a": "b"}, Body: "{}"},
					{ID: "c", Action: "broadcast", Label: "Photo", Intent: "x.y", Extras: map[string]string{"cmd": "pic"}},
				},
			},
		})
	requireWire(t, `,"actions":[{"id":"a","action":"copy","label":"Code","clear":false,"value":"1234"}]`, &model.Message{
		PriorityDefaulted: true, Details: &model.Details{Actions: []model.Action{{ID: "a", Action: "copy", Label: "Code", Value: "1234"}}},
	})
	requireWire(t, `,"attachment":{"name":"a.zip","url":"https://example.com/a.zip"}`, &model.Message{
		PriorityDefaulted: true, Details: &model.Details{Attachment: &model.Attachment{Name: "a.zip", URL: "https://example.com/a.zip"}},
	})
}

func TestASequenceThatIsTheIDIsNotTold(t *testing.T) {
	requireWire(t, ``, &model.Message{PriorityDefaulted: true, Details: &model.Details{Sequence: testKey}})
}

func TestTheTextIsNeverEmpty(t *testing.T) {
	m := &model.Message{Key: "k", PriorityDefaulted: true, Date: time.Unix(1, 0), Topic: "t"}
	require.JSONEq(t, `{"id":"k","time":1,"event":"message","topic":"t","message":"triggered"}`, string(eventJSON(model.Published(m))))
}

// The priorities of both languages, one row of the table each.
func TestPriorities(t *testing.T) {
	for gotify, want := range map[int]int{
		-2147483648: 1, -1: 1, 0: 1, 1: 2, 2: 2, 3: 2, 4: 3, 5: 3, 7: 3, 8: 4, 9: 4, 10: 5, 11: 5, 2147483647: 5,
	} {
		requireWire(t, `,"priority":`+strconv.Itoa(want), &model.Message{Priority: gotify})
	}
	for priority := 1; priority <= 5; priority++ {
		requireWire(t, `,"priority":`+strconv.Itoa(priority), &model.Message{Priority: toGotifyPriority(priority), Details: &model.Details{}})
	}
	// None was given: in ntfy's language, in Gotify's to an application without a
	// default, and to one with a default.
	requireWire(t, ``, &model.Message{Priority: 8, PriorityDefaulted: true, Details: &model.Details{}})
	requireWire(t, ``, &model.Message{Priority: 0, PriorityDefaulted: true})
	requireWire(t, `,"priority":4`, &model.Message{Priority: 8, PriorityDefaulted: true})
}

func TestTitles(t *testing.T) {
	requireWire(t, ``, &model.Message{Title: "My App", TitleDefaulted: true, PriorityDefaulted: true})
	requireWire(t, `,"title":"Backup"`, &model.Message{Title: "Backup", PriorityDefaulted: true})
	requireWire(t, ``, &model.Message{Title: "My App", TitleDefaulted: true, PriorityDefaulted: true, Details: &model.Details{}})
	requireWire(t, `,"title":"Backup"`, &model.Message{Title: "Backup", PriorityDefaulted: true, Details: &model.Details{}})
}

func TestPollRequest(t *testing.T) {
	m := &model.Message{Key: "k", Date: time.Unix(1, 0), Topic: "t", PriorityDefaulted: true, Details: &model.Details{PollID: "nFS3knfcQ1xe"}}
	require.JSONEq(t, `{"id":"k","time":1,"event":"poll_request","topic":"t","poll_id":"nFS3knfcQ1xe"}`, string(eventJSON(model.Published(m))))
	m.Message = "New message"
	require.JSONEq(t, `{"id":"k","time":1,"event":"poll_request","topic":"t","poll_id":"nFS3knfcQ1xe","message":"New message"}`, string(eventJSON(model.Published(m))))
}

func TestNotices(t *testing.T) {
	n := &model.Notice{ID: 5, Key: "k", Kind: model.MessageDeleted, Topic: "t", Sequence: "door", Date: time.Unix(9, 0), MessageID: 3}
	require.JSONEq(t, `{"id":"k","time":9,"event":"message_delete","topic":"t","sequence_id":"door"}`, string(eventJSON(model.Noticed(n))))
	n.Kind = model.MessageCleared
	require.JSONEq(t, `{"id":"k","time":9,"event":"message_clear","topic":"t","sequence_id":"door"}`, string(eventJSON(model.Noticed(n))))
}

func TestWhatNtfyHasNoWordFor(t *testing.T) {
	for _, e := range []*model.Event{
		{Kind: model.MessageDeleted, MessageID: 3, ApplicationID: 1}, // the delete of a message that the log tells nothing of
		{Kind: model.MessagesDeleted, MessageID: 3},
		{Kind: model.ApplicationCreated, ApplicationID: 1},
		{Kind: model.ApplicationUpdated, ApplicationID: 1},
		{Kind: model.ApplicationDeleted, ApplicationID: 1},
	} {
		require.Nil(t, eventJSON(e))
		for _, f := range []format{jsonFormat, sseFormat, rawFormat} {
			require.Nil(t, f.Encode(e))
		}
	}
}
