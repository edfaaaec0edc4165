package model

import (
	"strings"
	"unicode"
)

// maxTopic is the longest topic, in characters: ntfy's number.
const maxTopic = 64

// IsTopic reports whether the text can be a topic: 1 to 64 letters of ASCII,
// digits, dashes and underscores, as ntfy has it.
func IsTopic(text string) bool {
	return text != "" && len(text) <= maxTopic && !strings.ContainsFunc(text, func(r rune) bool { return !topicRune(r) })
}

func topicRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_'
}

// TopicFromName makes a topic of an application's name: lower case, and one dash
// for whatever a topic cannot hold. A name without a usable character gives "".
func TopicFromName(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		switch {
		case topicRune(r):
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-") && (unicode.IsSpace(r) || unicode.IsPunct(r) || unicode.IsSymbol(r)):
			b.WriteByte('-')
		}
		if b.Len() == maxTopic {
			break
		}
	}
	return strings.Trim(b.String(), "-")
}

// IsPushTopic reports whether the topic is one that ntfy's apps make up for
// UnifiedPush: "up" and 12 random letters and digits. Words of small letters
// alone, such as upgradereports, do not count: by chance, one in 30 000 does.
func IsPushTopic(topic string) bool {
	random, found := strings.CutPrefix(topic, "up")
	return found && len(random) == 12 && !strings.ContainsAny(random, "-_") && IsTopic(random) &&
		strings.ContainsAny(random, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
}
