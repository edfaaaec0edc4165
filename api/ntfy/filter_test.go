package ntfy

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/model"
)

// asking returns the parameters of a request with the query and headers in pairs.
func asking(query string, headers ...string) *parameters {
	r := &http.Request{URL: &url.URL{RawQuery: query}, Header: http.Header{}}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return newParameters(r)
}

func alarm() *model.Message {
	return &model.Message{
		ID: 7, Key: "0TIkJpBcxR11", Topic: "alerts", Title: "Disk", Message: "ZFS pool corruption detected", Priority: 8,
		Details: &model.Details{Tags: []string{"error", "zfs-error"}},
	}
}

func TestFilter(t *testing.T) {
	event := model.Published(alarm())
	for query, want := range map[string]bool{
		"":                                       true,
		"id=0TIkJpBcxR11":                        true,
		"X-ID=0TIkJpBcxR11":                      true,
		"id=0tikjpbcxr11":                        false,
		"message=ZFS+pool+corruption+detected":   true,
		"X-Message=ZFS+pool+corruption+detected": true,
		"m=ZFS+pool+corruption+detected":         true,
		"M=zfs+pool+corruption+detected":         false,
		"message=ZFS":                            false,
		"title=Disk":                             true,
		"X-Title=Disk":                           true,
		"t=Disk":                                 true,
		"Title=disk":                             false,
		"priority=high":                          true,
		"X-Priority=4":                           true,
		"prio=HIGH":                              true,
		"p=low,high":                             true,
		"p=1,2,3,5":                              false,
		"p=high,":                                true,
		"tags=error":                             true,
		"X-Tags=zfs-error":                       true,
		"tag=error,zfs-error":                    true,
		"ta=zfs-error,+error":                    true,
		"TAGS=error,warning":                     false,
		"tags=Error":                             false,
		"tags=,":                                 true,
		"priority=high&tags=zfs-error":           true,
		"priority=low&tags=zfs-error":            false,
		"id=0TIkJpBcxR11&title=other":            false,
	} {
		f, err := parseFilter(asking(query))
		require.NoError(t, err, query)
		if wanted := f.function(); wanted != nil {
			require.Equal(t, want, wanted(event), query)
		} else {
			require.True(t, want, query)
		}
	}
}

func TestFilterInHeaders(t *testing.T) {
	for header, want := range map[string]bool{
		"X-Tags: error": true, "Tag: warning": false, "X-Priority: 4": true, "Priority: low": false, "Title: Disk": true,
		"Priority: u=1": true, "Priority: u=1, i": true, // a browser's (RFC 9218)
		"X-Message: =?UTF-8?B?WkZTIHBvb2wgY29ycnVwdGlvbiBkZXRlY3RlZA==?=": true,
	} {
		name, value, _ := strings.Cut(header, ": ")
		f, err := parseFilter(asking("", name, value))
		require.NoError(t, err, header)
		require.Equal(t, want, f.passes(model.Published(alarm())), header)
	}
}

func TestFilterRefusesPriorities(t *testing.T) {
	for _, query := range []string{"p=0", "p=6", "p=u", "priority=high%3Blow", "priority=high,x", "prio=4.0"} {
		_, err := parseFilter(asking(query))
		requireFailure(t, 40007, err)
	}
}

// What is filtered is what ntfy's language shows of a message.
func TestFilterLooksAtNtfysView(t *testing.T) {
	passes := func(m *model.Message, query string) bool {
		f, err := parseFilter(asking(query))
		require.NoError(t, err)
		return f.passes(model.Published(m))
	}
	unset := &model.Message{Message: "m", Priority: 8, PriorityDefaulted: true, Details: &model.Details{}}
	require.True(t, passes(unset, "p=3"), "no priority counts as the usual one")
	require.False(t, passes(unset, "p=4"))
	gotify := &model.Message{Title: "app", TitleDefaulted: true, Message: "m", Priority: 2, Extras: `{"ntfy::tags":["a","b"]}`}
	require.True(t, passes(gotify, "p=low&tags=b,a"))
	require.False(t, passes(gotify, "title=app"))
	require.False(t, passes(gotify, "tags=c"))
	require.False(t, passes(&model.Message{Message: "m", Extras: `{"tags":["a"]}`}, "tags=a"))
}

// Nothing but messages is ever held back.
func TestFilterIsForMessages(t *testing.T) {
	f, err := parseFilter(asking("id=nothing&p=1"))
	require.NoError(t, err)
	for _, e := range []*model.Event{
		model.Noticed(&model.Notice{Kind: model.MessageDeleted, Sequence: "s"}),
		model.Noticed(&model.Notice{Kind: model.MessageCleared, Sequence: "s"}),
		model.Published(&model.Message{Details: &model.Details{PollID: "nFS3knfcQ1xe"}}),
	} {
		require.True(t, f.passes(e))
	}
	require.False(t, f.passes(model.Published(alarm())))
}

func FuzzFilter(f *testing.F) {
	f.Add("p=high&tags=a,b&id=x", "u=1")
	f.Add("%zz=1&p=;&t", ",,")
	f.Fuzz(func(t *testing.T, query, header string) {
		r := httptest.NewRequest(http.MethodGet, "/t/json", nil)
		r.URL.RawQuery = query
		r.Header.Set("Priority", header)
		got, err := parseFilter(newParameters(r))
		if err != nil {
			requireFailure(t, 40007, err)
			return
		}
		for _, priority := range got.priorities {
			require.True(t, priority >= 1 && priority <= 5)
		}
		got.passes(model.Published(alarm()))
	})
}
