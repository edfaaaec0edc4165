package gotify

import (
	"fmt"
	"math"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/model"
)

func TestPage(t *testing.T) {
	for query, want := range map[string][2]int64{
		"": {100, math.MaxInt64}, "limit=1": {1, math.MaxInt64}, "limit=200": {200, math.MaxInt64}, "limit=007": {7, math.MaxInt64},
		"since=0": {100, math.MaxInt64}, "since=": {100, math.MaxInt64}, "since=5&limit=3": {3, 5},
		"since=9223372036854775807": {100, math.MaxInt64}, "limit=5&limit=x": {5, math.MaxInt64},
	} {
		limit, before, err := page(withQuery(query))
		require.NoError(t, err, query)
		require.Equal(t, want, [2]int64{int64(limit), before}, query)
	}
	for query, want := range map[string]string{
		"limit=0": "Field 'limit' must be more or equal to 1", "limit=": "Field 'limit' must be more or equal to 1",
		"limit=-1": "Field 'limit' must be more or equal to 1", "limit=201": "Field 'limit' must be less or equal to 200",
		"limit=9223372036854775807": "Field 'limit' must be less or equal to 200", "limit=x": "Field 'limit': strconv.ParseInt: parsing \"x\": invalid syntax",
		"limit=1.5": "strconv.ParseInt", "limit=99999999999999999999": "value out of range", "limit=%00": "strconv.ParseInt",
		"since=-1": "Field 'since' must be more or equal to 0", "since=x": "Field 'since': strconv.ParseInt: parsing \"x\": invalid syntax",
		"since=9223372036854775808": "value out of range",
	} {
		_, _, err := page(withQuery(query))
		require.ErrorContains(t, err, want, query)
		require.Equal(t, model.Invalid, model.KindOf(err))
	}
}

func withQuery(query string) *gin.Context {
	c, _ := gin.CreateTestContext(httptest.NewRecorder())
	c.Request = httptest.NewRequest("GET", "/?"+query, nil)
	return c
}

func FuzzPage(f *testing.F) {
	f.Add("limit=5&since=7")
	f.Add("limit=&since=%zz;")
	gin.SetMode(gin.TestMode)
	f.Fuzz(func(t *testing.T, query string) {
		c := withQuery("")
		c.Request.URL.RawQuery = query
		limit, before, err := page(c)
		if err != nil {
			require.Equal(t, model.Invalid, model.KindOf(err))
			return
		}
		require.True(t, limit >= 1 && limit <= maxLimit && before >= 1, "%d %d", limit, before)
	})
}

// A sender, a stream and a later reader get the same bytes.
func TestBytesOfAMessage(t *testing.T) {
	m := &model.Message{
		ID: 7, ApplicationID: 3, Title: "<T>", Message: "a & b \u2028 🔔", Priority: -2,
		Extras: `{"b":12345678901234567890,"a":[1.50,1e400]}`, Date: time.Date(2026, 11, 21, 17, 23, 9, 334_783_000, time.UTC),
	}
	const want = `{"id":7,"appid":3,"message":"a \u0026 b \u2028 🔔","title":"\u003cT\u003e","priority":-2,` +
		`"extras":{"b":12345678901234567890,"a":[1.50,1e400]},"date":"2026-11-21T17:23:09.334783Z"}`
	require.Equal(t, want, string(plainStream{}.Encode(model.Published(m))))
	require.Equal(t, `{"event":"message","message":`+want+`}`, string(eventStream{}.Encode(model.Published(m))))
	m.Extras, m.Title, m.Date = "", "", m.Date.Truncate(time.Second)
	require.Equal(t, `{"id":7,"appid":3,"message":"a \u0026 b \u2028 🔔","title":"","priority":-2,"date":"2026-11-21T17:23:09Z"}`,
		string(plainStream{}.Encode(model.Published(m))), "no field but extras is ever left out")
}

func TestBytesOfEvents(t *testing.T) {
	for want, e := range map[string]*model.Event{
		`{"event":"message_deleted","id":7,"appid":3}`:  {Kind: model.MessageDeleted, MessageID: 7, ApplicationID: 3},
		`{"event":"messages_deleted","id":7}`:           {Kind: model.MessagesDeleted, MessageID: 7},
		`{"event":"messages_deleted","id":7,"appid":3}`: {Kind: model.MessagesDeleted, MessageID: 7, ApplicationID: 3},
		`{"event":"application_created","appid":3}`:     {Kind: model.ApplicationCreated, ApplicationID: 3},
		`{"event":"application_updated","appid":3}`:     {Kind: model.ApplicationUpdated, ApplicationID: 3},
		`{"event":"application_deleted","appid":3}`:     {Kind: model.ApplicationDeleted, ApplicationID: 3},
	} {
		require.Equal(t, want, string(eventStream{}.Encode(e)))
		require.Nil(t, plainStream{}.Encode(e), "Android takes every frame for a message")
	}
	cleared := model.Noticed(&model.Notice{ID: 9, Kind: model.MessageCleared, MessageID: 7, ApplicationID: 3})
	require.Nil(t, plainStream{}.Encode(cleared))
	require.Nil(t, eventStream{}.Encode(cleared), "Gotify has no word for it")
	deleted := model.Noticed(&model.Notice{ID: 9, Kind: model.MessageDeleted, MessageID: 7, ApplicationID: 3, Sequence: "s"})
	require.Nil(t, plainStream{}.Encode(deleted))
	require.Equal(t, `{"event":"message_deleted","id":7,"appid":3}`, string(eventStream{}.Encode(deleted)))
}

func TestToPage(t *testing.T) {
	read := []*model.Message{{ID: 9}, {ID: 8}, {ID: 7}}
	p := toPage("/message", 2, read[:2], true)
	require.Equal(t, paging{Next: "/message?limit=2&since=8", Size: 2, Since: 8, Limit: 2}, p.Paging)
	require.Len(t, p.Messages, 2)
	p = toPage("/message", 3, read, false)
	require.Equal(t, paging{Size: 3, Limit: 3}, p.Paging)
	p = toPage("/message", 1, nil, false)
	require.Equal(t, paging{Limit: 1}, p.Paging)
	require.NotNil(t, p.Messages, "an empty list is [] and not null")
}

func TestMessagesOverHTTP(t *testing.T) {
	h := newHouse(t, nil)
	ada, bob := h.newPerson("ada", false), h.newPerson("bob", false)
	application, token := ada.newApplication()
	_, reader := ada.newClient()
	_, stranger := bob.newClient()
	for i := range 3 {
		h.do("POST", "/message?token="+token, fmt.Sprintf(`{"message":"%d","extras":{"n":1.50}}`, i))
	}
	answer := h.do("POST", "/message", `{"message":"<&>"}`, "X-Gotify-Key", token)
	sent := fields[message](t, answer)
	require.Equal(t, 4, sent.Priority)
	require.Equal(t, "app", sent.Title)

	// Next is a path of ours, however the request was spelt.
	own := fmt.Sprintf("/application/%d/message", application.ID)
	for _, target := range []string{"/message", own, "//message"} {
		h.engine.RemoveExtraSlash = true
		r := httptest.NewRequest("GET", "/message?limit=2", nil)
		r.URL.Path = target
		r.Header.Set("X-Gotify-Key", reader)
		p := fields[paged](t, h.serve1(r))
		require.Equal(t, strings.Replace(target, "//", "/", 1)+fmt.Sprintf("?limit=2&since=%d", sent.ID-1), p.Paging.Next)
		require.Equal(t, sent, p.Messages[0])
	}
	require.Contains(t, h.do("GET", "/message?limit=1", "", "X-Gotify-Key", reader).Body.String(), strings.TrimSuffix(answer.Body.String(), "\n"))

	require.Equal(t, "application does not exist", refused(t, h.do("GET", own, "", "X-Gotify-Key", stranger), 404))
	require.Equal(t, "application does not exists", refused(t, h.do("DELETE", own, "", "X-Gotify-Key", stranger), 404))
	require.Equal(t, "application does not exists", refused(t, h.do("DELETE", "/application/0/message", "", "X-Gotify-Key", reader), 404))
	require.Equal(t, "message does not exist", refused(t, h.do("DELETE", fmt.Sprintf("/message/%d", sent.ID), "", "X-Gotify-Key", stranger), 404))
	require.Equal(t, "invalid id", refused(t, h.do("DELETE", "/message/x", "", "X-Gotify-Key", reader), 400))
	for _, target := range []string{fmt.Sprintf("/message/%d", sent.ID), own, "/message"} {
		done := h.do("DELETE", target, "", "X-Gotify-Key", reader)
		require.Equal(t, 200, done.Code)
		require.Empty(t, done.Body.String())
	}
	require.Equal(t, `{"paging":{"size":0,"since":0,"limit":100},"messages":[]}`, h.do("GET", "/message", "", "X-Gotify-Key", reader).Body.String())
}

func TestPostsOverHTTP(t *testing.T) {
	h := newHouse(t, nil)
	ada := h.newPerson("ada", false)
	application, token := ada.newApplication()
	_, client := ada.newClient()
	_, session := ada.newSession()
	named := fmt.Sprintf(`{"message":"m","appid":%d}`, application.ID)
	require.Contains(t, refused(t, h.do("POST", "/message", named, "X-Gotify-Key", client), 403), "a client token cannot post messages")
	fields[message](t, h.do("POST", "/message", named, "Cookie", cookieName+"="+session))
	fields[message](t, h.do("POST", "/message", named, ada.basic()...))
	require.Equal(t, "appid not found", refused(t, h.do("POST", "/message", `{"message":"m","appid":99}`, ada.basic()...), 400))
	require.Equal(t, "Field 'message' is required", refused(t, h.do("POST", "/message", `{}`, "X-Gotify-Key", token), 400))

	// Everything that is not JSON counts as a form, whose fields may stand in the query.
	query := url.Values{"token": {token}, "message": {"from the query"}, "priority": {"9"}}
	sent := fields[message](t, h.do("POST", "/message?"+query.Encode(), ""))
	require.Equal(t, "from the query", sent.Message)
	require.Equal(t, 9, sent.Priority)
}
