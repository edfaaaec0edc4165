package config

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Each of these would cost the parser minutes, gigabytes or the stack.
func TestHostileDocumentsEnd(t *testing.T) {
	const size = maxDocumentBytes / 8
	bomb := "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
	for i := 1; i < 10; i++ {
		bomb += fmt.Sprintf("a%d: &a%d [%s*a%d]\n", i, i, strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 8), i-1)
	}
	fill := func(part string) string { return strings.Repeat(part, size/len(part)) }
	for name, c := range map[string]struct{ text, want string }{
		"alias bomb":          {bomb, "anchors, aliases and tags"},
		"one byte too many":   {strings.Repeat(" ", maxDocumentBytes+1), "is larger than 1048576 bytes"},
		"nested lists":        {fill("["), "is nested too deep"},
		"nested maps":         {fill("{a: "), "is nested too deep"},
		"nested dashes":       {fill("- "), "is nested too deep"},
		"keys":                {fill("a:\n"), "has more than 10000 keys"},
		"items":               {"server:\n  trustedproxies:\n" + fill("  - x\n")[100:], "has more than 10000 keys"},
		"items on one line":   {"a: [" + fill("x,")[100:] + "]", "has more than 10000 keys"},
		"documents":           {fill("---\n"), "has more than 10000 keys"},
		"quotes":              {fill(`"" `), "has more than 10000 keys"},
		"question marks":      {fill("? "), "a text with ?"},
		"tags":                {fill("!a "), "anchors, aliases and tags"},
		"keys on one line":    {fill("a: "), "has more than 10000 keys"},
		"colons":              {fill(": "), "has more than 10000 keys"},
		"one long word":       {fill("x"), "must hold settings"},
		"one long line":       {"loglevel: " + fill("x")[100:], "must be one of debug"},
		"lines of one text":   {"loglevel: " + fill("x\n ")[100:], "must be one of debug"},
		"deeper and deeper":   {staircase(700), "unknown setting"},
		"closing of nothing":  {fill("]"), "has more than 10000 keys"},
		"percent":             {fill("%"), "a text with ? or %"},
		"at the number's end": {"limits:\n  body: " + fill("9")[100:], "must be a whole number"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := read(t, c.text)
			require.ErrorContains(t, err, c.want)
			require.Less(t, len(err.Error()), 1000)
		})
	}
	for name, text := range map[string]string{
		"comments":    fill("# x\n"),
		"empty lines": fill("\n"),
	} {
		t.Run(name, func(t *testing.T) {
			c, _, err := read(t, text)
			require.NoError(t, err)
			requireSame(t, Default(), c)
		})
	}
}

func staircase(steps int) string {
	var b strings.Builder
	for i := range steps {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

func FuzzFile(f *testing.F) {
	for _, seed := range []string{
		"server:\n  port: 80\n  responseheaders: {X-A: b}\n  trustedproxies: [10.0.0.0/8]\n",
		"limits:\n  logins: {burst: 1, perminute: 0.5}\nserver:\n  timeouts:\n    read: 10s\n",
		"# c\n---\ndatabase:\n  connection: |-\n    a\n    b\n...\n",
		"a: &x [1]\nb: *x\n<<: *x\n", "? a\n: b\n", "{a: [b, {c: d}]}", "\"a\\0\": 'b'", "a:\n\tb: 1\n", "- a\n-\n", "\ufeffserver:\r\n  port: 1\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c := Default()
		if err := c.readDocument("config.yml", text); err != nil {
			require.True(t, strings.HasPrefix(err.Error(), "config.yml:"), err)
			return
		}
		c.normalize()
		if err := c.Validate(); err != nil {
			return
		}
		// What was read can be shown and read again.
		c.DefaultUser.Pass, c.SecretKey, c.OIDC.ClientSecret, c.Database.Connection = "", "", "", "x.db"
		again := Default()
		require.NoError(t, again.readDocument("masked", []byte(c.Masked())), c.Masked())
		requireSame(t, c, again)
	})
}
