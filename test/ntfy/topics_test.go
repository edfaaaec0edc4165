package ntfy

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/gotify"
	"github.com/carillon-push/carillon/test/server"
)

func TestSeveralTopics(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		user := NewUser(t, s)
		one, two, three := NewTopic(), NewTopic(), NewTopic()
		for _, format := range []string{"json", "sse", "ws"} {
			stream := user.Stream("/" + one + "," + two + "/" + format)
			require.Equal(t, one+","+two, stream.Open().Topic)
			first := user.Publish(one, "first")
			user.Publish(three, "not asked for")
			second := user.Publish(two, "second")
			require.Equal(t, first, stream.NextMessage())
			require.Equal(t, second, stream.NextMessage())
			stream.Hangup()
		}
		// Names that differ in case are different topics.
		upper := NewTopic()
		lower := strings.ToLower(upper)
		stream := user.Subscribe("/" + upper + "/json")
		user.Publish(lower, "lower")
		sent := user.Publish(upper, "upper")
		require.Equal(t, sent, stream.NextMessage())
		require.Equal(t, []Message{sent}, user.Poll(upper, ""))
	})
}

// A topic that is named twice is one.
func TestTheSameTopicTwice(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		user, topic := NewUser(t, s), NewTopic()
		stored := user.Publish(topic, "stored")
		list := topic + "," + topic + "," + topic
		require.Equal(t, []Message{stored}, user.Poll(list, ""))
		for _, format := range []string{"json", "sse", "ws"} {
			stream := user.Stream("/" + list + "/" + format + "?since=latest")
			require.Equal(t, list, stream.Open().Topic)
			require.Equal(t, stored, stream.NextMessage())
			live := user.Publish(topic, "live")
			last := user.Publish(topic, "last")
			require.Equal(t, live, stream.NextMessage())
			require.Equal(t, last, stream.NextMessage())
			stored = last
		}
	})
}

func TestHowManyTopics(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		user := NewUser(t, s)
		var topics []string
		for i := range 129 {
			topics = append(topics, fmt.Sprint(NewTopic(), i))
		}
		first, last := user.Publish(topics[0], "first"), user.Publish(topics[127], "last")
		most := strings.Join(topics[:128], ",")
		require.Equal(t, []Message{first, last}, user.Poll(most, ""))
		require.Equal(t, []Message{first, last}, user.Poll(most+","+topics[3], ""), "one of them twice")
		stream := user.Subscribe("/" + most + "/json")
		live := user.Publish(topics[77], "live")
		require.Equal(t, live, stream.NextMessage())
		stream.Hangup()
		before := len(gotify.As[[]gotify.Application](user.Person.Get("/application")))
		for _, format := range []string{"json", "sse", "raw", "auth"} {
			user.Loose().Get("/"+strings.Join(topics, ",")+"/"+format).Refused(40009, "128")
		}
		user.RefusedStream("/" + strings.Join(topics, ",") + "/ws").Empty(400)
		require.Len(t, gotify.As[[]gotify.Application](user.Person.Get("/application")), before, "what is refused creates nothing")
	})
}

// A path with more topics than anybody can mean is refused.
func TestAHundredThousandTopics(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		user := NewUser(t, s).Loose()
		var many []string
		for i := range 100_000 {
			many = append(many, strconv.FormatInt(int64(i), 36))
		}
		for _, list := range []string{
			strings.Join(many, ","), strings.Join(many[:2000], ","), strings.Join(many[:4000], ","), strings.Repeat(",", 100_000),
			strings.Repeat("t,", 100_000) + "t", strings.Repeat("x", 10_000), strings.Repeat("a.b,", 2000),
		} {
			for _, format := range []string{"json", "raw", "ws"} {
				answer := user.Get("/" + list + "/" + format)
				require.GreaterOrEqual(t, answer.Status, 400)
				require.Less(t, answer.Status, 500)
			}
		}
		answer := user.Get("/" + strings.Join(many[:2000], ",") + "/json").Refused(40009)
		require.Equal(t, "*", answer.Header.Get("Access-Control-Allow-Origin"))
	})
}

// Who may not read one of the topics may read none of them in this request, and
// no topic is created.
func TestOneDeniedTopic(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		user, other := NewUser(t, s), NewUser(t, s)
		mine, theirs := NewTopic(), NewTopic()
		other.Publish(theirs, "not for you")
		for _, list := range []string{theirs, mine + "," + theirs, theirs + "," + mine} {
			for _, format := range []string{"json", "sse", "raw", "auth"} {
				user.Get("/" + list + "/" + format).Refused(40301)
				user.Get("/" + list + "/" + format + "?poll=1").Refused(40301)
			}
			user.RefusedStream("/" + list + "/ws").Empty(403)
		}
		for _, a := range gotify.As[[]gotify.Application](user.Person.Get("/application")) {
			require.NotEqual(t, mine, a.Name)
		}
		Allow(t, s, user.Person.Name, theirs, "read-only")
		stream := user.Subscribe("/" + mine + "," + theirs + "/json?since=all")
		require.Equal(t, "not for you", stream.NextMessage().Message)
		user.Put("/"+theirs, "reading is not writing").Refused(40301)
	})
}
