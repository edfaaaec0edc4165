package ntfy

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/carillon-push/carillon/test/server"
)

// fill publishes what the templates make of a body in JSON.
func (w *witness) fill(body string, headers ...string) *Answer {
	w.T.Helper()
	return w.Loose().With("Template", "yes").With(headers...).Post("/"+w.topic, body)
}

func TestInlineTemplates(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		w := newWitness(t, s)
		const source = `{"host":"db1","error":{"level":"severe","desc":"Disk <full> & \"hot\" 🔔"},"list":[{"n":1},{"n":2.5}],"big":1234567890,"tiny":0.000001,"yes":true,"no":false,"none":null,"text":"a\nb","empty":[]}`
		for template, want := range map[string]string{
			"no template": "no template", "Error: {{.error.desc}} on {{ .host }}": `Error: Disk <full> & "hot" 🔔 on db1`, "{{.missing}}": "<no value>", "{{.none}}": "<no value>",
			"{{.big}} {{.tiny}}": "1234567890 0.000001", "{{range .list}}[{{.n}}]{{end}}": "[1][2.5]", "{{if .yes}}y{{end}}{{if .no}}n{{else}}else{{end}}": "yelse",
			"{{with .error}}{{.level}}{{end}}": "severe", "{{range $i, $e := .list}}{{$i}}={{$e.n}} {{end}}": "0=1 1=2.5", "{{range .empty}}x{{else}}none{{end}}": "none",
			"{{len .list}}": "2", `{{.host | upper | printf "%s!"}}`: "DB1!", `{{index .list 1 | print}}`: "map[n:2.5]", `{{eq .host "db1"}}`: "true", "{{.text}}": "a\nb", `one\ntwo`: "one\ntwo",
			`{{"kept \\n"}}`: `kept \n`, "  {{.host}}  ": "db1", "": "triggered", "{{.missing.deeper}}": "<no value>", "{{/* a comment */}}x": "x", "{{- .host -}} !": "db1!",
			`{{printf "%s has %v" .host .yes}}`: "db1 has true", `{{html .error.level}}`: "severe",
		} {
			require.Equal(t, want, w.heard(w.fill(source, "Message", template)).Message, template)
			m := w.heard(w.fill(source, "Title", template, "Message", "m"))
			require.Equal(t, []string{strings.TrimPrefix(want, "triggered"), "m"}, []string{m.Title, m.Message}, template)
			require.Equal(t, want, w.heard(w.Loose().Put("/"+w.topic+"?tpl=1&"+escaped("m", template), source)).Message, template)
		}
		// A priority is one, too; the rest is what it says.
		m := w.heard(w.fill(`{"p":"4","t":"x"}`, "Priority", "{{.p}}", "Message", "m", "Tags", "{{.t}}", "Click", "{{.t}}"))
		require.Equal(t, []any{4, []string{"{{.t}}"}, "{{.t}}"}, []any{m.Priority, m.Tags, m.Click})
		require.Zero(t, w.heard(w.fill(`{"p":""}`, "Priority", "{{.p}}", "Message", "m")).Priority)
		w.fill(`{"p":9}`, "Priority", "{{.p}}").Refused(40007)
		// Any JSON does.
		for body, want := range map[string]string{`"text"`: "text", "5": "5", "[1,2]": "[1 2]", "true": "true", "null": "<no value>", " {} ": "map[]", `{"a":1,"a":2}`: "map[a:2]"} {
			require.Equal(t, want, w.heard(w.fill(body, "Message", "{{.}}")).Message, body)
		}
		require.Equal(t, "filled", w.heard(w.With("X-Message", "{{.a}}").Loose().Post("/?template=yes", object{"topic": w.topic, "title": "x", "message": `{"a":"filled"}`})).Message,
			"the text in JSON is what templates are filled from")
		w.stored()
	})
}

func TestNamedTemplates(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		w := newWitness(t, s)
		for _, c := range []struct {
			name, body, title, message string
			priority                   int
		}{
			{"github", githubPullRequest, `octo/bells #42: Ring "twice" & <louder> 🔔`, "ann: opened\nBecause once was\r\nnot enough.\nhttps://github.com/octo/bells/pull/42", 0},
			{"github", githubPush, "octo/bells: 2 new commits", "ann pushed to feature/ring\n- Ring\n- Ring again\nhttps://github.com/octo/bells/compare/feature/ring", 0},
			{"github", githubWorkflow, "octo/bells: Build", "failure on main\nhttps://github.com/octo/bells/actions/runs/30433642", 0},
			{
				"grafana", grafanaFiring, "🚨 Alert: Disk",
				"🚨 Disk on db1:9100: The disk is full\n98 % of /var\n[ var='A' value=98.25 ]\nhttps://grafana.example.com/d/1?viewPanel=2\n\n✅ Disk on db2:9100", 4,
			},
			{
				"alertmanager", alertmanagerFiring, "🚨 Alert: Down",
				"🚨 Down (critical) on web1:9100: web1 is down\nNo answer for 5 minutes.\nhttp://prometheus:9090/graph?g0.expr=up+%3D%3D+0\n\nand 3 more", 5,
			},
			{"alertmanager", alertmanagerResolved, "✅ Resolved: 2 alerts", "✅ Load (warning)\n\n✅ Swap (warning)", 0},
		} {
			for _, answer := range []*Answer{
				w.With("Template", c.name, "Content-Type", "application/json").Loose().Post("/"+w.topic, c.body),
				w.Loose().Post("/"+w.topic+"?tpl="+c.name+"&tags=hook&title=not+this", c.body),
			} {
				m := w.heard(answer)
				require.Equal(t, []any{c.title, c.message, c.priority}, []any{m.Title, m.Message, m.Priority}, answer.what)
			}
		}
		for _, name := range []string{"nosuch", "../github", "github.yml", "a b", "/etc/passwd", "GitHub", strings.Repeat("x", 65), "\xff"} {
			w.fill("{}", "Template", name).Refused(40047)
		}
		for _, name := range []string{"github", "grafana", "alertmanager"} {
			for _, body := range []string{"", "text", "{", "[1,", "\xff", `{"a":1} x`} {
				w.fill(body, "Template", name).Refused(40042)
			}
			w.fill(`"text"`, "Template", name).Refused(40045)
		}
		// Not said is not asked for.
		for _, name := range []string{"no", "0", "false"} {
			require.Equal(t, "{{.a}}", w.heard(w.fill("{{.a}}", "Template", name)).Message)
		}
		// What is pushed, or a file, is no template's.
		require.Equal(t, `{"a":1}`, w.heard(w.fill(`{"a":1}`, "Message", "{{.a}}", "X-UnifiedPush", "1")).Message)
		require.Equal(t, `{"a":1}`, string(w.file(w.heard(w.fill(`{"a":1}`, "Message", "{{.a}}", "Filename", "a.json"))).Body))
		w.silent()
	})
}

func TestTemplateFolder(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600))
	}
	write("mine.yml", "title: '{{.a}} says'\nmessage: |\n  One {{.b}}\n  two\npriority: '{{.c}}'\n")
	write("message-only.yml", "message: '{{.a}}'\n")
	write("github.yml", "message: mine now\n")
	write("broken.yml", "title: [")
	write("empty.yml", "colour: red\n")
	write("list.yml", "- a\n")
	write("bad.yml", "message: '{{'\n")
	write("bomb.yml", "message: '{{define \"x\"}}{{end}}'\n")
	write("large.yml", "message: "+strings.Repeat("x", 200<<10))
	write("other.txt", "message: m\n")
	require.NoError(t, os.Mkdir(filepath.Join(folder, "folder.yml"), 0o700))
	require.NoError(t, os.Symlink("/etc/passwd", filepath.Join(folder, "link.yml")))
	Own(t, map[string]string{"ntfy.templates": folder}, func(t *testing.T, s *server.Server) {
		w := newWitness(t, s)
		m := w.heard(w.fill(`{"a":"Ann","b":1,"c":"high"}`, "Template", "mine", "Message", "ignored", "Title", "ignored", "Priority", "1"))
		require.Equal(t, []any{"Ann says", "One 1\ntwo", 4}, []any{m.Title, m.Message, m.Priority})
		m = w.heard(w.fill(`{"a":"Ann","t":"T"}`, "Template", "message-only", "Title", "{{.t}}"))
		require.Equal(t, []string{"T", "Ann"}, []string{m.Title, m.Message})
		require.Equal(t, "mine now", w.heard(w.fill(githubPush, "Template", "github")).Message)
		require.Equal(t, "🚨 Alert: Disk", w.heard(w.fill(grafanaFiring, "Template", "grafana")).Title)
		for name, code := range map[string]int{
			"broken": 40048, "empty": 40048, "list": 40048, "large": 40048, "folder": 40048, "link": 40048, "bad": 40043, "bomb": 40044, "other": 40047, "other.txt": 40047,
			"../" + filepath.Base(folder) + "/mine": 40047, "MINE ": 40047,
		} {
			answer := w.fill("{}", "Template", name).Refused(code)
			require.NotContains(t, string(answer.Body), folder, "where things are is nobody's business")
		}
		// It may change at any time.
		file := filepath.Join(folder, "new-"+filepath.Base(s.Dir)+strings.ReplaceAll(t.Name(), "/", "-")+".yml")
		name := strings.TrimSuffix(filepath.Base(file), ".yml")
		w.fill("{}", "Template", name).Refused(40047)
		for _, text := range []string{"first", "second"} {
			require.NoError(t, os.WriteFile(file, []byte("message: "+text+"\n"), 0o600))
			require.Equal(t, text, w.heard(w.fill("{}", "Template", name)).Message)
		}
		w.silent()
	})
}

func TestTemplatesThatAreNone(t *testing.T) {
	Each(t, func(t *testing.T, s *server.Server) {
		w := newWitness(t, s)
		for template, code := range map[string]int{
			"{{": 40043, "{{.a": 40043, "{{end}}": 40043, "{{if}}{{end}}": 40043, "{{range .a}}": 40043, "{{nosuch .a}}": 40043, "{{$x}}": 40043, "{{break}}": 40043, `{{"}}`: 40043,
			`{{call .a}}`: 40044, `{{template "x"}}`: 40044, `{{define "x"}}{{end}}`: 40044, `{{block "x" .}}{{end}}`: 40044, `{{"x" | call}}`: 40044,
			"{{index .list 99}}": 40045, "{{index .a 1 2}}": 40045, "{{.a.b}}": 40045, `{{slice .a 5 1}}`: 40045, `{{lt .a 1}}`: 40045, `{{printf "%1000d" 1}}`: 40045, "{{.a .b}}": 40045, "{{len 5}}": 40045,
		} {
			for _, name := range []string{"Message", "Title", "Priority"} {
				answer := w.fill(`{"a":"b","list":[1]}`, name, template)
				if answer.Status == 200 || answer.Status/100 != 4 {
					t.Errorf("%s %s: status %d: %s", name, template, answer.Status, answer.Body)
					continue
				}
				answer.Refused(code)
			}
		}
		long := strings.Repeat("x", 3000)
		w.fill(`{"a":"`+long+`"}`, "Message", "{{.a}}{{.a}}").Refused(40041)
		w.fill(`{"a":"`+long+`"}`, "Title", "{{.a}}").Refused(40041)
		w.fill(`{}`, "Message", strings.Repeat("x", 33<<10)).Refused(40041)
		require.Equal(t, long, w.heard(w.fill(`{"a":"`+long+`"}`, "Message", "{{.a}}")).Message)
		for _, body := range []string{"", "text", "{", "[1", "\xff", strings.Repeat("[", 100_000), strings.Repeat(`{"a":`, 20_000), `{"a":1}{"b":2}`} {
			w.fill(body, "Message", "m").Refused(40042)
		}
		w.fill(`"`+strings.Repeat("x", 128<<10)+`"`, "Message", "m").Refused(41303)
		w.Loose().With("Template", "yes", "Message", "m").Post("/"+w.topic, ioReader(`"`+strings.Repeat("x", 1<<20)+`"`)).Refused(41303)
		w.silent()
	})
}

// bombs are templates that do much with little, with what they are filled from.
func bombs() map[string][2]string {
	list := `{"l":[` + strings.Repeat("1,", 2000) + `1],"s":"` + strings.Repeat("<", 100<<10) + `"}`
	nested, deep := "x", "1"
	for range 8 {
		nested = "{{range $.l}}" + nested + "{{end}}"
	}
	for range 5000 {
		deep = "(" + deep + ")"
	}
	return map[string][2]string{
		"nested loops":          {nested, list},
		"deeper loops":          {strings.Repeat("{{range $.l}}", 500) + strings.Repeat("{{end}}", 500), list},
		"empty loop":            {"{{range 9223372036854775807}}{{end}}", "{}"},
		"nested counts":         {"{{range 1000000}}{{range 1000000}}{{end}}{{end}}", "{}"},
		"much output":           {"{{range 1000000000}}xxxxxxxxxxxxxxxxxxxxxxxx{{end}}", "{}"},
		"width":                 {`{{printf "%1000000000d" 1}}`, "{}"},
		"precision":             {`{{printf "%.1000000000f" 1.5}}`, "{}"},
		"width as argument":     {`{{printf "%*d" 1000000000 1}}`, "{}"},
		"argument again":        {`{{printf "%[1]s%[1]s%[1]s%[1]s" .s}}`, list},
		"widths in a loop":      {`{{range 1000000}}{{$x := printf "%99d%99d%99d%99d" 1 2 3 4}}{{end}}`, "{}"},
		"format of the sender":  {`{{printf .f 1}}`, `{"f":"%999999999d"}`},
		"doubling":              {`{{$a := "xxxxxxxxxxxxxxxx"}}` + strings.Repeat("{{$a = print $a $a}}", 60), "{}"},
		"doubling by replace":   {`{{$a := "xx"}}` + strings.Repeat(`{{$a = replace "x" "xx" $a}}`, 60), "{}"},
		"doubling by join":      {`{{range 100000}}{{$x := join $.s $.l}}{{end}}`, list},
		"growing list of texts": {`{{$a := ""}}{{range 1000000}}{{$a = printf "%s%s" $a $.s}}{{end}}`, list},
		"escaping":              {"{{.s" + strings.Repeat(" | js", 60) + "}}", list},
		"escaping for pages":    {"{{.s" + strings.Repeat(" | html", 60) + "}}", list},
		"escaping for queries":  {"{{.s" + strings.Repeat(" | urlquery", 60) + "}}", list},
		"quoting":               {"{{.s" + strings.Repeat(" | quote | toJson", 60) + "}}", list},
		"printing everything":   {"{{range 1000000}}{{$x := print $}}{{end}}", list},
		"comparing":             {"{{range 1000000000}}{{if eq $.s $.s}}{{end}}{{end}}", list},
		"recursion":             {`{{define "a"}}{{template "a" .}}{{template "a" .}}{{end}}{{template "a" .}}`, "{}"},
		"recursion by block":    {`{{block "a" .}}{{template "a" .}}{{end}}`, "{}"},
		"parentheses":           {"{{" + deep + deep + "}}", "{}"},
		"large numbers":         {"{{range 1000000}}{{mul 1e300 $.n}}{{end}}", `{"n":1e300}`},
		"dates":                 {`{{range 1000000}}{{$x := date $.s 0}}{{end}}`, list},
		"cutting":               {`{{range 1000000}}{{$x := trunc 9223372036854775807 $.s}}{{end}}`, list},
		"changing case":         {`{{range 1000000}}{{$x := title $.s}}{{end}}`, list},
		"many calls":            {strings.Repeat("{{html .s}}", 2900), list},
	}
}

// A template is a program of somebody unknown: whatever it tries is refused, while
// the server serves everybody else, and takes no memory that counts.
func TestTemplateBombs(t *testing.T) {
	Own(t, nil, func(t *testing.T, s *server.Server) {
		w, other := newWitness(t, s), NewUser(t, s)
		require.Equal(t, "warm", w.heard(w.fill(`{"a":"warm"}`, "Message", "{{.a}}")).Message)
		before := processMemory(t, s)
		ctx, cancel := context.WithTimeout(t.Context(), 2*Patience)
		defer cancel()
		var attack, rest sync.WaitGroup
		for name, bomb := range bombs() {
			for _, parameter := range []string{"Message", "Title", "Priority"} {
				attack.Go(func() {
					answer, err := w.Loose().With("Template", "yes", parameter, bomb[0]).Try(ctx, "PUT", "/"+w.topic, bomb[1])
					if err != nil {
						t.Errorf("%s as %s: %v", name, parameter, err)
						return
					}
					var refusal Refusal
					if err := strictly(answer.Body, &refusal); err != nil || refusal.HTTP != answer.Status || refusal.Code < 40041 || refusal.Code > 40045 {
						t.Errorf("%s as %s: status %d: %.300s", name, parameter, answer.Status, answer.Body)
					}
				})
			}
		}
		done := make(chan struct{})
		topic, served := NewTopic(), 0
		rest.Go(func() {
			for {
				if _, err := other.TryPublish(ctx, topic, fmt.Sprint(served)); err != nil {
					t.Errorf("another user is not served: %v", err)
					return
				}
				served++
				select {
				case <-done:
					return
				default:
				}
			}
		})
		attack.Wait()
		close(done)
		rest.Wait()
		require.Len(t, other.Poll(topic, ""), served)
		require.NoError(t, ctx.Err())
		require.Less(t, processMemory(t, s)-before, growth())
		w.silent()
	})
}
