package model

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMatchTopic(t *testing.T) {
	for _, c := range []struct {
		pattern, topic string
		want           bool
	}{
		{"a", "a", true}, {"a", "A", false}, {"a", "ab", false}, {"", "a", false}, {"*", "", true}, {"*", "anything", true},
		{"a*", "a", true}, {"a*", "abc", true}, {"a*", "ba", false}, {"*a", "ba", true}, {"*a", "ab", false}, {"a*b", "ab", true},
		{"a*b", "acb", true}, {"a*b", "a", false}, {"a*a", "a", false}, {"a*a", "aa", true}, {"a*b*c", "axxbxxc", true},
		{"a*b*c", "acb", false}, {"*ab*ab*", "abab", true}, {"*ab*ab*", "aba", false}, {"**", "x", true}, {"a**b", "ab", true},
		{"a_b", "axb", false}, {"a%", "ab", false}, {"a.b", "axb", false},
		{strings.Repeat("a*", 60) + "b", strings.Repeat("a", 64), false},
	} {
		require.Equal(t, c.want, MatchTopic(c.pattern, c.topic), "%s on %s", c.pattern, c.topic)
	}
}

func TestTopicFromName(t *testing.T) {
	for name, want := range map[string]string{
		"Doorbell": "doorbell", "Front Door!": "front-door", "  a  b  ": "a-b", "ÄÖÜ": "", "应用": "", "Ärger im Büro": "rger-im-bro",
		"a_b-c": "a_b-c", "--": "", "a/b\\c": "a-b-c", "🔔 Bell": "bell",
		strings.Repeat("x", 100): strings.Repeat("x", 64), strings.Repeat("x", 63) + " y": strings.Repeat("x", 63),
	} {
		got := TopicFromName(name)
		require.Equal(t, want, got, name)
		require.True(t, got == "" || IsTopic(got), name)
	}
}

func TestIsTopic(t *testing.T) {
	for _, good := range []string{"a", "A-_9", strings.Repeat("x", 64)} {
		require.True(t, IsTopic(good), good)
	}
	for _, bad := range []string{"", "a.b", "a b", "ä", "a,b", "a*", strings.Repeat("x", 65), "a\x00"} {
		require.False(t, IsTopic(bad), bad)
	}
}

func TestIsPushTopic(t *testing.T) {
	for _, push := range []string{"upAbCdEfGhIjKl", "up123456789012", "upabcdefghijk1"} {
		require.True(t, IsPushTopic(push), push)
	}
	for _, other := range []string{"", "up", "upgradereports", "uptime-kuma-12", "upAbCdEfGhIjK", "upAbCdEfGhIjKlm", "UPAbCdEfGhIjKl", "upAbCdEfGhIj_1", "upAbCdEfGhIj.1"} {
		require.False(t, IsPushTopic(other), other)
	}
}
