package ntfy

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// fill renders a template from JSON.
func fill(text, source string) (string, error) {
	data, err := decodeTemplateBody([]byte(source))
	if err != nil {
		return "", err
	}
	return render(text, data, defaultMessageLimit, newBudget())
}

const sample = `{"a":"b","n":5,"big":1234567,"half":0.5,"list":[1,"two",null],"map":{"x":{"y":"z"}},"yes":true,"none":null,"text":"a_b c"}`

func TestTemplates(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "",
		"plain":                     "plain",
		`a\nb`:                      "a\nb",
		"{{.a}}":                    "b",
		" {{ .map.x.y }} \n":        "z",
		"{{.missing}}":              "<no value>",
		"{{.missing.too}}":          "<no value>",
		"{{.big}} {{.half}} {{.n}}": "1234567 0.5 5",
		`{{printf "%.1f %s %5.2f%%" .n .a .half}}`:                                          "5.0 b  0.50%",
		`{{if gt .n 4}}more{{else}}less{{end}}`:                                             "more",
		`{{if and (eq .n 5.0) (eq .n 5) (ne .a "c") (le .half 0.5) (lt .a "c")}}all{{end}}`: "all",
		`{{if eq .a "x" "b"}}one of{{end}}`:                                                 "one of",
		`{{if eq .none nil}}nil{{end}}`:                                                     "nil",
		`{{range .list}}<{{.}}>{{end}}`:                                                     "<1><two><<no value>>",
		`{{range $i, $e := .list}}{{if $i}},{{end}}{{$e}}{{end}}`:                           "1,two,<no value>",
		`{{range $k, $v := .map}}{{$k}}{{break}}{{end}}`:                                    "x",
		strings.Repeat("{{range 1}}{{end}}", maxLoops+1):                                    "",
		strings.Repeat("{{range 1}}", maxLoops) + "x" + strings.Repeat("{{end}}", maxLoops): "x",
		`{{range 3}}x{{end}}`:                                                               "xxx",
		`{{with .map.x}}{{.y}}{{end}}`:                                                      "z",
		`{{len .missing}} {{index .list 1}} {{len .list}} {{slice .text 0 1}}`:              "0 two 3 a",
		`{{.a | upper | printf "%s!"}} {{title .text}} {{lower "ABC"}}`:                     "B! A_b C abc",
		`{{trimPrefix "a_" .text}}|{{trimSuffix " c" .text}}|{{replace "_" " " .text}}|{{trunc 3 .text}}|{{trunc -1 .text}}`: "b c|a_b|a b c|a_b|c",
		`{{default "d" .missing}} {{coalesce .none .missing .a}} {{ternary "t" "f" .yes}} {{if empty .none}}e{{end}}`:        "d b t e",
		`{{join "-" .list}} {{first .list}} {{last .list}} {{first .missing}}`:                                               "1-two- 1 <no value>",
		`{{add .n 2}} {{sub .n 2}} {{mul .n "2"}} {{div .n 2}} {{round .half 0}}`:                                            "7 3 10 2.5 1",
		`{{date "2006-01-02 15:04" 0}} {{date "15:04" "2026-01-02T03:04:05+01:00"}}`:                                         "1970-01-01 00:00 02:04",
		`{{toJson .map}} {{quote .a}} {{html "<"}} {{urlquery "a b"}} {{js "'"}}`:                                            `{"x":{"y":"z"}} "b" &lt; a+b \'`,
		`{{if contains "_" .text}}c{{end}}{{if hasPrefix "a" .text}}p{{end}}{{if hasSuffix "c" .text}}s{{end}}`:              "cps",
		`{{/* nothing */}}{{- $x := print .a .n -}}{{$x}}`:                                                                   "b5",
	} {
		got, err := fill(text, sample)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
}

func TestTemplatesThatAreRefused(t *testing.T) {
	for _, c := range []struct {
		code       int
		text, from string
	}{
		{40042, "{{.}}", "not JSON"},
		{40042, "{{.}}", ""},
		{40042, "{{.}}", strings.Repeat("[", 20000)},
		{40043, "{{", "{}"},
		{40043, "{{nosuch .}}", "{}"},
		{40043, "{{if}}", "{}"},
		{40043, "{{end}}", "{}"},
		{40043, `{{env "HOME"}}`, "{}"},
		{40043, strings.Repeat("{{range 9}}", maxLoops+1) + strings.Repeat("{{end}}", maxLoops+1), "{}"},
		{40043, "{{" + strings.Repeat("(", 12000) + "1" + strings.Repeat(")", 12000) + "}}", "{}"},
		{40044, `{{define "x"}}a{{end}}`, "{}"},
		{40044, `{{block "x" .}}a{{end}}`, "{}"},
		{40044, `{{template ""}}`, "{}"},
		{40044, `{{if .a}}{{range .}}{{with .}}{{template "x" .}}{{end}}{{end}}{{end}}`, "{}"},
		{40044, `{{call .a}}`, "{}"},
		{40044, `{{.a | call}}`, "{}"},
		{40044, `{{(call .a).b}}`, "{}"},
		{40044, `{{$x := call .a}}`, "{}"},
		{40044, `{{if call .a}}{{end}}`, "{}"},
		{40044, `{{charge -1000000000}}`, "{}"},
		{40044, `{{if (charge -1000000000)}}{{end}}`, "{}"},
		{40045, `{{index .list 5}}`, sample},
		{40045, `{{.a.b}}`, sample},
		{40045, `{{lt .a 1}}`, sample},
		{40045, `{{add .a 1}}`, sample},
		{40045, `{{printf "%1000000d" 1}}`, sample},
		{40045, `{{printf "%-0100d" 1}}`, sample},
		{40045, `{{printf "%.999f" 1.5}}`, sample},
		{40045, `{{printf "%*d" 1000000 1}}`, sample},
		{40045, `{{printf "%[1]s%[1]s" .a}}`, sample},
		{40041, `{{.a}}`, `{"a":"` + strings.Repeat("x", defaultMessageLimit+1) + `"}`},
		{40041, `{{range 5000}}x{{end}}`, "{}"},
		{40041, strings.Repeat("x", maxTemplate+1), "{}"},
		{40041, strings.Repeat("x", defaultMessageLimit+1), "{}"},
	} {
		_, err := fill(c.text, c.from)
		require.Error(t, err, "%.60s", c.text)
		requireRefused(t, c.code, err)
	}
	got, err := fill(`{{.a}}`, `{"a":"`+strings.Repeat("x", defaultMessageLimit)+`"}`)
	require.NoError(t, err)
	require.Len(t, got, defaultMessageLimit)
}

// TestTemplateBombs has templates that would take for ever, or all memory. The
// budget ends each of them, without a goroutine that goes on.
func TestTemplateBombs(t *testing.T) {
	before := goleak.IgnoreCurrent()
	long := `{"s":"` + strings.Repeat("<", 120<<10) + `","list":[` + strings.Repeat("1,", 1000) + `1]}`
	keys := make([]string, 9000)
	for i := range keys {
		keys[i] = fmt.Sprintf(`"k%d":1`, i)
	}
	wide := "{" + strings.Join(keys, ",") + "}"
	for name, c := range map[string]struct{ text, from string }{
		"endless range":      {`{{range 1000000000000}}{{end}}`, "{}"},
		"nested ranges":      {strings.Repeat(`{{range $.list}}`, 8) + strings.Repeat(`{{end}}`, 8), long},
		"ranges with breaks": {`{{range 1000000000000}}{{range 1000000000}}{{continue}}{{end}}{{end}}`, "{}"},
		"sorted keys":        {`{{range .}}{{range $}}{{break}}{{end}}{{end}}`, wide},
		"sorted one by one":  {strings.Repeat(`{{range .}}{{break}}{{end}}`, 1000), wide},
		"doubling":           {`{{$x := "xxxxxxxxxxxxxxxx"}}` + strings.Repeat(`{{$x = print $x $x}}`, 40), "{}"},
		"doubling in a loop": {`{{$x := "xxxxxxxxxxxxxxxx"}}{{range 1000}}{{$x = printf "%s%s" $x $x}}{{end}}`, "{}"},
		"escapes":            {`{{$x := .s}}{{range 100}}{{$x = html $x}}{{end}}`, long},
		"printed again":      {strings.Repeat(`{{$x := print .}}`, 1500), long},
		"many arguments":     {`{{$x := .s}}{{len (print` + strings.Repeat(" $x", 8000) + `)}}`, long},
		"many formats":       {`{{len (printf .s` + strings.Repeat(" $", 9000) + `)}}`, `{"s":"` + strings.Repeat("%v", 60<<10) + `"}`},
		"replaced":           {`{{replace "<" .s .s}}`, long},
		"replaced nothing":   {`{{replace "" .s .s}}`, long},
		"joined":             {`{{join .s .list}}`, long},
		"compared":           {`{{range 100000000}}{{if eq $.s $.s}}{{end}}{{end}}`, long},
		"deep":               {`{{print .}}`, strings.Repeat("[", 9000) + strings.Repeat("]", 9000)},
		"wide formats":       {`{{range 1000000}}{{$x := printf "%99d%99d%99d%99d" 1 2 3 4}}{{end}}`, "{}"},
		"lower and upper":    {`{{range 1000000}}{{$x := lower (upper $.s)}}{{end}}`, long},
		"truncated":          {`{{range 1000000}}{{$x := trunc 0 $.s}}{{end}}`, long},
		"searched":           {`{{range 1000000}}{{$x := contains $.s $.s}}{{end}}`, long},
		"dates":              {`{{range 1000000}}{{$x := date $.s 0}}{{end}}`, long},
	} {
		_, err := fill(c.text, c.from)
		require.Error(t, err, name)
		require.Contains(t, []int{40041, 40045}, asFailure(err).code, name)
	}
	goleak.VerifyNone(t, before)
}

func TestBudgetEndsWithItsTime(t *testing.T) {
	b := newBudget()
	b.end = time.Now().Add(-time.Nanosecond)
	_, err := render(`{{range 2}}{{end}}`, nil, 10, b)
	requireRefused(t, 40045, err)
	require.Contains(t, err.Error(), "longer than")
}

func TestTemplatesOfOneMessageShareABudget(t *testing.T) {
	b := newBudget()
	b.work = 1000
	_, err := render(`{{range 400}}{{end}}`, nil, 10, b)
	require.NoError(t, err)
	_, err = render(`{{range 700}}{{end}}`, nil, 10, b)
	requireRefused(t, 40045, err)
}

func TestNamedTemplates(t *testing.T) {
	own, err := newTemplates("")
	require.NoError(t, err)
	for _, c := range []struct{ name, from, title, message, priority string }{
		{
			"github", `{"action":"opened","repository":{"full_name":"me/it"},"sender":{"login":"ann"},"pull_request":{"number":7,"title":"Fix <it>","body":"Because","html_url":"https://x/7"}}`,
			"me/it #7: Fix <it>", "ann: opened\nBecause\nhttps://x/7", "",
		},
		{
			"github", `{"action":"closed","repository":{"full_name":"me/it"},"sender":{"login":"ann"},"pull_request":{"number":7,"title":"Fix","merged":true,"html_url":"https://x/7"}}`,
			"me/it #7: Fix", "ann merged this pull request\nhttps://x/7", "",
		},
		{
			"github", `{"action":"created","repository":{"full_name":"me/it"},"sender":{"login":"ann"},"issue":{"number":8,"title":"Broken"},"comment":{"body":"Yes","html_url":"https://x/8"}}`,
			"me/it #8: Broken", "ann created a comment:\nYes\nhttps://x/8", "",
		},
		{
			"github", `{"ref":"refs/heads/main","repository":{"full_name":"me/it"},"sender":{"login":"ann"},"compare":"https://x/c","commits":[{"message":"One"},{"message":"Two"}]}`,
			"me/it: 2 new commits", "ann pushed to main\n- One\n- Two\nhttps://x/c", "",
		},
		{"github", `{"zen":"Keep it logically awesome.","repository":{"full_name":"me/it"}}`, "me/it", "Keep it logically awesome.", ""},
		{"github", `{"action":"started","repository":{"full_name":"me/it"},"sender":{"login":"ann"}}`, "me/it", "ann: started", ""},
		{
			"grafana", `{"status":"firing","commonLabels":{"alertname":"Disk"},"alerts":[{"status":"firing","labels":{"alertname":"Disk","instance":"db1"},"annotations":{"summary":"full"},"valueString":"[ v=99 ]","generatorURL":"https://g"}]}`,
			"🚨 Alert: Disk", "🚨 Disk on db1: full\n[ v=99 ]\nhttps://g", "4",
		},
		{"grafana", `{"status":"resolved","alerts":[{"status":"resolved","labels":{"alertname":"Disk"}},{"status":"resolved","labels":{"alertname":"Net"}}]}`, "✅ Resolved: 2 alerts", "✅ Disk\n\n✅ Net", ""},
		{"grafana", `{"title":"[Alerting] Load","state":"alerting","message":"high","ruleUrl":"https://r"}`, "[Alerting] Load", "high\nhttps://r", "4"},
		{
			"alertmanager", `{"status":"firing","truncatedAlerts":2,"commonLabels":{"alertname":"Down","severity":"critical"},"alerts":[{"status":"firing","labels":{"alertname":"Down","severity":"critical","instance":"a:9"},"annotations":{"description":"gone"}}]}`,
			"🚨 Alert: Down", "🚨 Down (critical) on a:9\ngone\n\nand 2 more", "5",
		},
		{"alertmanager", `{"status":"resolved","alerts":[{"status":"resolved","labels":{"alertname":"Down"}}]}`, "✅ Resolved: 1 alert", "✅ Down", ""},
		{"github", `{}`, "GitHub", "Somebody", ""},
		{"grafana", `{}`, "Grafana", "something happened", ""},
		{"alertmanager", `{}`, "🚨 Alert: 0 alerts", "", ""},
		{"alertmanager", `[]`, "", "", "40045"},
	} {
		pub, err := parsePublication(asked("template="+c.name), noon)
		require.NoError(t, err)
		_, err = pub.take(bodyOf(c.from), defaultMessageLimit, own)
		if c.priority == "40045" {
			requireRefused(t, 40045, err)
			continue
		}
		require.NoError(t, err, "%s %s", c.name, c.from)
		require.Equal(t, c.title, pub.Title, c.from)
		require.Equal(t, c.message, pub.Message, c.from)
		priority, _ := parsePriority(c.priority)
		require.Equal(t, priority, pub.priority, c.from)
	}
}

func TestTemplatesInAFolder(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600))
	}
	write("mine.yml", "title: 'T {{.a}}'\nmessage: 'M {{.a}}'\npriority: '{{.n}}'\n")
	write("github.yml", "message: mine now\n")
	write("broken.yml", "title: [")
	write("empty.yml", "colour: red\n")
	write("large.yml", "message: "+strings.Repeat("x", maxTemplateFile))
	require.NoError(t, os.Mkdir(filepath.Join(folder, "dir.yml"), 0o700))
	outside := filepath.Join(t.TempDir(), "secret.yml")
	require.NoError(t, os.WriteFile(outside, []byte("message: secret\n"), 0o600))
	require.NoError(t, os.Symlink(outside, filepath.Join(folder, "link.yml")))
	named, err := newTemplates(folder)
	require.NoError(t, err)

	pub, err := parsePublication(asked("tpl=mine&title=ignored"), noon)
	require.NoError(t, err)
	_, err = pub.take(bodyOf(`{"a":"x","n":4}`), defaultMessageLimit, named)
	require.NoError(t, err)
	require.Equal(t, []any{"T x", "M x", 4}, []any{pub.Title, pub.Message, pub.priority})

	own, err := named.named("github")
	require.NoError(t, err)
	require.Equal(t, "mine now", *own.Message)
	_, err = named.named("grafana")
	require.NoError(t, err)
	for name, code := range map[string]int{
		"nosuch": 40047, "../mine": 40047, "a b": 40047, strings.Repeat("x", 65): 40047, "mine.yml": 40047,
		"broken": 40048, "empty": 40048, "large": 40048, "dir": 40048, "link": 40048,
	} {
		_, err := named.named(name)
		requireRefused(t, code, err)
	}
	_, err = newTemplates(filepath.Join(folder, "nosuch"))
	require.Error(t, err)
}

func TestOwnTemplatesAreWellFormed(t *testing.T) {
	require.NoError(t, fstest.TestFS(ownTemplates, "templates/github.yml", "templates/grafana.yml", "templates/alertmanager.yml"))
	own, err := newTemplates("")
	require.NoError(t, err)
	files, err := ownTemplates.ReadDir("templates")
	require.NoError(t, err)
	for _, file := range files {
		_, err := own.named(strings.TrimSuffix(file.Name(), ".yml"))
		require.NoError(t, err)
	}
}

func TestTemplating(t *testing.T) {
	for text, want := range map[string]templating{
		"": {}, "no": {}, "0": {}, "False": {}, "yes": {on: true}, "1": {on: true}, "TRUE": {on: true}, "github": {on: true, name: "github"},
	} {
		require.Equal(t, want, parseTemplating(text), text)
	}
}

func bodyOf(text string) body {
	return body{Reader: bytes.NewBufferString(text), size: int64(len(text))}
}

func FuzzTemplate(f *testing.F) {
	for _, text := range []string{
		"{{.a}}", "{{range .}}{{.}}{{end}}", `{{printf "%99v" .}}`, "{{with $x := .a}}{{$x}}{{else}}{{break}}{{end}}", `{{(index .list 0).x | print}}`,
		`{{range $i, $e := .list}}{{$i = 3}}{{continue}}{{end}}`, `{{"a" | replace "" "b"}}`, `{{.n.String}}`, `{{nil}}`, `{{slice . 1}}`, `{{1.5e300 | round 2}}`,
		`{{define ""}}{{end}}`, "{{/*", `{{break}}`, "{{range 99999}}{{range 99999}}{{end}}{{end}}", `{{date "Monday" 1e300}}`,
	} {
		f.Add(text, sample)
	}
	f.Fuzz(func(t *testing.T, text, source string) {
		got, err := fill(text, source)
		if err != nil {
			code := asFailure(err).code
			require.True(t, code >= 40041 && code <= 40045, "%d: %v", code, err)
			return
		}
		require.LessOrEqual(t, len(got), defaultMessageLimit)
		require.True(t, utf8.ValidString(got))
	})
}
