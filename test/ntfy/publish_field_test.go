package ntfy

import (
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/server"
)

// ioReader is a body of unknown length.
func ioReader(text string) io.Reader { return io.MultiReader(strings.NewReader(text)) }

func TestPriorities(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		w := newWitness(t, s)
		for value, want := range map[string]int{
			"1": 1, "2": 2, "3": 3, "4": 4, "5": 5, "min": 1, "low": 2, "default": 3, "high": 4, "max": 5, "urgent": 5, "URGENT": 5, "Min": 1, " 4 ": 4,
		} {
			require.Equal(t, want, w.put("m", "Priority", value).Priority, value)
			require.Equal(t, want, w.heard(w.Loose().Post("/", object{"topic": w.topic, "priority": value})).Priority, value)
		}
		for _, value := range []string{"0", "6", "-1", "1.0", "01", "1e0", "maximum", "x", "99999999999999999999", "5,4", "１", "1 2", "+1"} {
			w.Loose().With("Priority", value).Put("/"+w.topic, "m").Refused(40007)
			w.Loose().Get("/" + w.topic + "/send?p=" + url.QueryEscape(value)).Refused(40007)
		}
		// A browser's or proxy's header of that name is about something else.
		for _, value := range []string{"u=1, i", "u=0", "u=7", "u=3,i", "u=1, 2"} {
			require.Zero(t, w.put("m", "Priority", value).Priority, value)
			require.Equal(t, 5, w.heard(w.With("Priority", value).Put("/"+w.topic+"?priority=5", "m")).Priority, value)
			require.Equal(t, 2, w.put("m", "Priority", value, "Prio", "low").Priority, value)
			require.Equal(t, 4, w.put("m", "Priority", value, "X-Priority", "4").Priority, value)
			w.Loose().With("X-Priority", value).Put("/"+w.topic, "m").Refused(40007)
			w.Loose().Put("/"+w.topic+"?priority="+url.QueryEscape(value), "m").Refused(40007)
		}
		w.silent()
	})
}

func TestTitlesTagsAndLinks(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		w := newWitness(t, s)
		for value, want := range map[string][]string{
			"a": {"a"}, "a,b": {"a", "b"}, " a , b ": {"a", "b"}, ",,a,,": {"a"}, "a b,c": {"a b", "c"}, "a,a": {"a", "a"}, "+1,-1": {"+1", "-1"},
			"größe,🔔,𝕬": {"größe", "🔔", "𝕬"}, `"a",b;c`: {`"a"`, "b;c"}, ",": nil, strings.Repeat("x", 512): {strings.Repeat("x", 512)},
		} {
			require.Equal(t, want, w.put("m", "Tags", value).Tags, value)
		}
		longest := strings.Repeat("é", 512)
		require.Equal(t, longest, w.put("m", "Title", longest).Title)
		w.Loose().With("Title", longest+"x").Put("/"+w.topic, "m").Refused(40057)
		w.Loose().With("Tags", strings.Repeat("x,", 513)).Put("/"+w.topic, "m").Refused(40058)
		// A click may be anything, an icon is an address of the web.
		for _, click := range []string{"https://example.com", "mailto:a@b", "ntfy://x/y", "tel:1", "not an address", "javascript:alert(1)"} {
			require.Equal(t, click, w.put("m", "Click", click).Click)
		}
		for _, icon := range []string{"https://example.com/i.png", "http://x", "HTTP://X/I"} {
			require.Equal(t, icon, w.put("m", "Icon", icon).Icon)
		}
		for _, icon := range []string{"i.png", "ftp://example.com/i.png", "data:image/png;base64,AA==", "javascript:1", "//x/i.png"} {
			w.Loose().With("Icon", icon).Put("/"+w.topic, "m").Refused(40021)
			w.Loose().Post("/", object{"topic": w.topic, "icon": icon}).Refused(40021)
		}
		// A title of one's own is kept, also when it is the application's name.
		require.Equal(t, w.topic, w.put("m", "Title", w.topic).Title)
		require.Empty(t, w.put("m", "Title", "  ").Title)
		w.silent()
	})
}

func TestMarkdown(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		w := newWitness(t, s)
		for _, value := range []string{"1", "yes", "true", "YES", "True"} {
			require.Equal(t, "text/markdown", w.put("**m**", "Markdown", value).ContentType, value)
			require.Equal(t, "text/markdown", w.heard(w.Loose().Put("/"+w.topic+"?md="+value, "m")).ContentType, value)
		}
		for _, value := range []string{"0", "no", "false", "on", "x"} {
			require.Empty(t, w.put("**m**", "Markdown", value).ContentType, value)
		}
		require.Equal(t, "text/markdown", w.heard(w.Post("/", object{"topic": w.topic, "message": "**m**", "markdown": true})).ContentType)
		require.Empty(t, w.heard(w.Post("/", object{"topic": w.topic, "message": "**m**", "markdown": false})).ContentType)
		w.stored()
	})
}

// What is not to be cached is carried live and stored nowhere.
func TestCacheNo(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		w := newWitness(t, s)
		phone := w.Person.NewDevice("phone").Stream("/stream")
		streams := []*Stream{}
		for _, format := range []string{"sse", "ws"} {
			streams = append(streams, w.Subscribe("/"+w.topic+"/"+format))
		}
		before := w.put("before")
		require.Equal(t, "before", phone.NextMessage().Message)
		for i, answer := range []*Answer{
			w.With("Cache", "no", "Title", "T").Put("/"+w.topic, "live 0"), w.Post("/"+w.topic+"?cache=0", "live 1"),
			w.Post("/", object{"topic": w.topic, "message": "live 2", "cache": "no"}), w.Get("/" + w.topic + "/publish?m=live+3&x-cache=false"),
			w.Loose().Post("/", object{"topic": w.topic, "message": "live 4", "cache": false}),
		} {
			m := answer.Message()
			require.Equal(t, fmt.Sprint("live ", i), m.Message)
			require.Zero(t, m.Expires)
			require.Equal(t, m, w.stream.NextMessage())
			require.Equal(t, []Message{before}, w.Poll(w.topic, "sched=1"))
		}
		after := w.put("after")
		for _, stream := range streams {
			require.Equal(t, before, stream.NextMessage())
			for i := range 5 {
				f := stream.Next()
				require.Equal(t, fmt.Sprint("live ", i), f.Message.Message)
				require.Empty(t, f.Mark, "nobody can resume from what is not stored")
				require.Contains(t, w.Poll(w.topic, "since="+f.ID), after, "nothing is missed by its id")
			}
			require.Equal(t, after, stream.NextMessage())
		}
		for _, m := range w.Person.History() {
			require.Contains(t, []string{"before", "after"}, m.Message)
		}
		w.Loose().With("Cache", "no", "Delay", "1h").Put("/"+w.topic, "m").Refused(40002)
		w.Loose().Post("/", object{"topic": w.topic, "cache": "no", "delay": "1h"}).Refused(40002)
		w.silent()
	})
}

func TestWhatIsNotOffered(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		w := newWitness(t, s)
		c := w.Loose()
		c.With("Email", "a@example.com").Put("/"+w.topic, "m").Refused(40001)
		c.With("Email", "a@example.com", "Delay", "1h").Put("/"+w.topic, "m").Refused(40003)
		c.With("Call", "yes").Put("/"+w.topic, "m").Refused(40032)
		c.With("Call", "yes", "Delay", "1h").Put("/"+w.topic, "m").Refused(40037)
		c.Post("/", object{"topic": w.topic, "email": "a@example.com"}).Refused(40001)
		c.Post("/", object{"topic": w.topic, "email": "a@example.com", "delay": "1h"}).Refused(40003)
		c.Post("/", object{"topic": w.topic, "call": "+1"}).Refused(40032)
		c.Post("/", object{"topic": w.topic, "call": "+1", "delay": "1h"}).Refused(40037)
		require.Equal(t, "m", w.put("m", "Firebase", "no").Message)
		require.Equal(t, "m", w.heard(c.Post("/", object{"topic": w.topic, "message": "m", "firebase": "no"})).Message)
		w.silent()
	})
}

// A request to poll is carried live and stored nowhere.
func TestPollRequest(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		w := newWitness(t, s)
		events := w.Subscribe("/" + w.topic + "/sse")
		raw := w.Subscribe("/" + w.topic + "/raw")
		m := w.With("X-Poll-ID", "xE73Iyuabi12", "Title", "T").Post("/"+w.topic, "dropped, whatever it is: \xff").Message()
		require.Equal(t, PollRequestEvent, m.Event)
		require.Equal(t, []string{"xE73Iyuabi12", w.topic}, []string{m.PollID, m.Topic})
		require.Equal(t, m, w.stream.NextEvent(PollRequestEvent))
		event := events.Next()
		require.Equal(t, []any{PollRequestEvent, "", m}, []any{event.Name, event.Mark, event.Message})
		require.Empty(t, raw.Next().Text)
		w.Loose().With("X-Poll-ID", strings.Repeat("x", 65)).Put("/"+w.topic, "m").Refused(40000)
		w.silent()
	})
}
