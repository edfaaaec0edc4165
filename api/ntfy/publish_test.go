package ntfy

import (
	"maps"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/model"
)

// aliases are all names of every parameter that has no test of its own, with a
// value and how to see that it was read.
var aliases = []struct {
	names []string
	value string
	read  func(*publication) bool
}{
	{[]string{"x-message", "message", "m"}, "hello", func(p *publication) bool { return p.Message == "hello" }},
	{[]string{"x-title", "title", "t"}, "hello", func(p *publication) bool { return p.Title == "hello" }},
	{[]string{"x-priority", "priority", "prio", "p"}, "4", func(p *publication) bool { return p.priority == 4 }},
	{[]string{"x-tags", "tags", "tag", "ta"}, "a", func(p *publication) bool { return len(p.Details.Tags) == 1 }},
	{[]string{"x-delay", "delay", "x-at", "at", "x-in", "in"}, "1h", func(p *publication) bool { return p.Deliver.Equal(noon.Add(time.Hour)) }},
	{[]string{"x-actions", "actions", "action"}, "copy,a,b", func(p *publication) bool { return len(p.Details.Actions) == 1 }},
	{[]string{"x-click", "click"}, "mailto:a@b", func(p *publication) bool { return p.Details.Click == "mailto:a@b" }},
	{[]string{"x-icon", "icon"}, "https://i", func(p *publication) bool { return p.Details.Icon == "https://i" }},
	{[]string{"x-attach", "attach", "a"}, "https://i/j", func(p *publication) bool { return p.Details.Attachment.URL == "https://i/j" }},
	{[]string{"x-filename", "filename", "file", "f"}, "x.png", func(p *publication) bool { return p.filename == "x.png" }},
	{[]string{"x-markdown", "markdown", "md"}, "yes", func(p *publication) bool { return p.Details.Markdown }},
	{[]string{"x-cache", "cache"}, "no", func(p *publication) bool { return p.Transient }},
	{[]string{"x-template", "template", "tpl"}, "yes", func(p *publication) bool { return p.templating.on }},
	{[]string{"x-unifiedpush", "unifiedpush", "up"}, "1", func(p *publication) bool { return p.push }},
	{[]string{"x-poll-id", "poll-id"}, "abc", func(p *publication) bool { return p.Details.PollID == "abc" && p.Transient }},
	{[]string{"x-sequence-id", "sequence-id", "sid"}, "s-1", func(p *publication) bool { return p.Details.Sequence == "s-1" }},
}

func TestEveryAliasInHeaderAndQuery(t *testing.T) {
	for _, a := range aliases {
		for _, name := range a.names {
			for where, p := range map[string]*parameters{
				"header": asked("", name, a.value), "query": asked(name + "=" + a.value), "QUERY": asked(strings.ToUpper(name) + "=" + a.value),
			} {
				pub, err := parsePublication(p, noon)
				require.NoError(t, err, "%s %s", where, name)
				require.True(t, a.read(pub), "%s %s", where, name)
			}
		}
	}
	pub, err := parsePublication(asked(""), noon)
	require.NoError(t, err)
	require.Equal(t, &publication{Draft: model.Draft{Details: &model.Details{}}}, pub, "nothing was said")
}

func TestRefusedParameters(t *testing.T) {
	hour := strconv.FormatInt(noon.Add(time.Hour).Unix(), 10)
	for query, code := range map[string]int{
		"email=a@b": 40001, "x-e-mail=a@b": 40001, "e=1": 40001, "mail=x": 40001,
		"email=a@b&delay=1h":                    40003,
		"call=%2B123":                           40032,
		"x-call=yes&in=" + hour:                 40037,
		"cache=no&delay=1h":                     40002,
		"poll-id=x&delay=1h":                    40002,
		"delay=soon":                            40004,
		"delay=1h&tz=Mars/Base":                 40004,
		"delay=1s":                              40005,
		"delay=4d":                              40006,
		"priority=6":                            40007,
		"attach=ftp://x":                        40013,
		"attach=x":                              40013,
		"actions=%5Bnull%5D":                    40018,
		"icon=x.png":                            40021,
		"sid=a/b":                               40049,
		"sid=" + strings.Repeat("a", 65):        40049,
		"title=" + strings.Repeat("a", 1025):    40057,
		"tags=" + strings.Repeat("a,", 513):     40058,
		"tags=" + strings.Repeat("%C3%A9", 257): 40058,
		"poll-id=" + strings.Repeat("a", 65):    40000,
	} {
		_, err := parsePublication(asked(query), noon)
		require.Error(t, err, query)
		requireRefused(t, code, err)
	}
	for _, query := range []string{
		"title=" + strings.Repeat("a", 1024), "tags=" + strings.Repeat("a,", 512), "icon=HTTPS://x", "firebase=no", "tz=Mars/Base", "cache=yes&delay=1h",
	} {
		_, err := parsePublication(asked(query), noon)
		require.NoError(t, err, query)
	}
}

func TestDetails(t *testing.T) {
	pub, err := parsePublication(asked("tags=+a+,,b%09,+%F0%9F%98%82,%00&m=one%5Cntwo&attach=https://x/y/z%2520w.png?q&delay=10pm&tz=Asia/Tokyo"), noon)
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b", "😂"}, pub.Details.Tags)
	require.Equal(t, "one\ntwo", pub.Message)
	require.Equal(t, &model.Attachment{Name: "z w.png", URL: "https://x/y/z%20w.png?q"}, pub.Details.Attachment)
	require.Equal(t, noon.Add(time.Hour), pub.Deliver)

	pub, err = parsePublication(asked("attach=https://x/y.png&filename=n.png"), noon)
	require.NoError(t, err)
	require.Equal(t, "n.png", pub.Details.Attachment.Name)
}

func TestAttachmentNames(t *testing.T) {
	for address, want := range map[string]string{
		"https://x": "attachment", "https://x/": "attachment", "https://x/a/": "a", "https://x/a/b.jpg?c=/d#e": "b.jpg",
		"https://x/%41": "A", "https://%zz/a": "attachment", "https://x/%00": "attachment", "https://x/..": "..",
	} {
		require.Equal(t, want, attachmentName(address), address)
	}
}

func TestMarkdownByContentType(t *testing.T) {
	for contentType, want := range map[string]bool{
		"text/markdown": true, "text/markdown; charset=utf-8": true, "Text/Markdown;x": true, "text/plain": false, "": false, "text/markdownish": false,
	} {
		pub, err := parsePublication(asked("", "Content-Type", contentType), noon)
		require.NoError(t, err)
		require.Equal(t, want, pub.Details.Markdown, contentType)
	}
}

func TestPushesAreKnownByTheirEncoding(t *testing.T) {
	for encoding, want := range map[string]bool{"aes128gcm": true, "AES128GCM": true, "aesgcm": false, "gzip": false} {
		pub, err := parsePublication(asked("", "Content-Encoding", encoding), noon)
		require.NoError(t, err)
		require.Equal(t, want, pub.push, encoding)
	}
}

func TestTemplatesAreForTextsOnly(t *testing.T) {
	for _, query := range []string{"up=1", "poll-id=x", "filename=x", "attach=https://x"} {
		pub, err := parsePublication(asked("template=yes&priority=4&"+query), noon)
		require.NoError(t, err)
		require.False(t, pub.templating.on, query)
		require.Equal(t, 4, pub.priority, query)
		_, err = parsePublication(asked("template=yes&priority={{.}}&"+query), noon)
		requireRefused(t, 40007, err)
	}
}

func TestDrafts(t *testing.T) {
	draft := func(query string) model.Draft {
		pub, err := parsePublication(asked(query), noon)
		require.NoError(t, err)
		d, err := pub.draft()
		require.NoError(t, err)
		require.NotNil(t, d.Details)
		return d
	}
	require.Equal(t, "triggered", draft("").Message)
	require.Nil(t, draft("").Priority)
	require.Equal(t, "hi", draft("m=hi&attach=https://x/y.png").Message)
	require.Equal(t, "You received a file: y.png", draft("attach=https://x/y.png").Message)
	for priority, want := range map[string]int{"1": 0, "2": 2, "3": 5, "4": 8, "5": 10} {
		require.Equal(t, want, *draft("p=" + priority).Priority)
	}
}

func TestDetailsHaveABound(t *testing.T) {
	pub, err := parsePublication(asked("click="+strings.Repeat("a", maxDetails)), noon)
	require.NoError(t, err)
	_, err = pub.draft()
	requireRefused(t, 40000, err)
}

// everyName are all names of parameters.
func everyName() []string {
	names := map[string]bool{"x-email": true, "x-call": true, "tz": true}
	for _, a := range aliases {
		for _, name := range a.names {
			names[name] = true
		}
	}
	var list []string
	for name := range maps.Keys(names) {
		list = append(list, name)
	}
	return list
}

func FuzzPublication(f *testing.F) {
	f.Add("title", "a", "tags", "b,c", "body")
	f.Add("template", "yes", "message", "{{.a}}", `{"a":1}`)
	f.Add("up", "1", "delay", "1h", "\xff\x00")
	f.Add("attach", "https://x/%2e%2e", "filename", "a\x00b", "\xe4")
	f.Add("actions", "view,a,b", "icon", "http://\x00", "")
	f.Fuzz(func(t *testing.T, name, value, other, more, content string) {
		p := asked("", name, value)
		p.query[other] = more
		for _, unknown := range []string{name, other} {
			if len(unknown) == 1 { // chance would need too long to find names
				names := everyName()
				p.header = map[string][]string{"X-" + names[int(unknown[0])%len(names)]: {value}}
				p.query[names[int(unknown[0])%len(names)]] = more
			}
		}
		pub, err := parsePublication(p, noon)
		if err == nil {
			_, err = pub.take(bodyOf(content), defaultMessageLimit, &templates{})
		}
		var d model.Draft
		if err == nil {
			d, err = pub.draft()
		}
		if err != nil {
			require.Less(t, asFailure(err).status, 500, "%v", err)
			return
		}
		require.NotEmpty(t, d.Message)
		require.NoError(t, model.CheckText("message", d.Message))
		require.NoError(t, model.CheckText("title", d.Title))
		require.LessOrEqual(t, len(d.Title), maxTitle)
		if !pub.push {
			require.LessOrEqual(t, len(d.Message), defaultMessageLimit+len("You received a file: ")+len(pub.filename))
		}
	})
}
