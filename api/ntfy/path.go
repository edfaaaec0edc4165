package ntfy

import (
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/carillon-push/carillon/model"
)

const (
	// maxTopics is how many topics one subscription may be about.
	maxTopics = 128
	// maxTopicList is the longest list that is looked at: as many of the longest
	// topics, with commas between.
	maxTopicList = maxTopics * 65
)

// match returns what the path has in the places of the pattern that begin with a
// colon, and false when the path is not of the pattern: a topic or a sequence
// that cannot be one is the path of nothing.
func match(pattern, path string) (gin.Params, bool) {
	var found gin.Params
	for more := true; more; {
		var want, have string
		var longer bool
		want, pattern, more = strings.Cut(pattern, "/")
		have, path, longer = strings.Cut(path, "/")
		if more != longer {
			return nil, false
		}
		name, isPlace := strings.CutPrefix(want, ":")
		switch {
		case !isPlace && want != have:
			return nil, false
		case name == "topics" && !isTopicList(have), isPlace && name != "topics" && !model.IsTopic(have):
			return nil, false
		case isPlace:
			found = append(found, gin.Param{Key: name, Value: have})
		}
	}
	return found, true
}

// isTopicList reports whether the text is one or more topics with commas between.
// One that is too long to be served is taken for a list without a look at it, so
// that its sender is told what is wrong.
func isTopicList(list string) bool {
	if len(list) > maxTopicList {
		return true
	}
	for topic := range strings.SplitSeq(list, ",") {
		if !model.IsTopic(topic) {
			return false
		}
	}
	return true
}

// topics returns the topics in a list, each once, in their order.
func (f *Face) topics(list string) ([]string, error) {
	if len(list) > maxTopicList {
		return nil, tooManyTopics()
	}
	var topics []string
	for topic := range strings.SplitSeq(list, ",") {
		if slices.Contains(topics, topic) {
			continue
		}
		if len(topics) == maxTopics {
			return nil, tooManyTopics()
		}
		if err := f.checkTopic(topic); err != nil {
			return nil, err
		}
		topics = append(topics, topic)
	}
	return topics, nil
}

func tooManyTopics() error {
	return failuref(40009, "one subscription may be about %d topics at most", maxTopics)
}

// checkTopic refuses what cannot be a topic, and the first parts of paths that mean
// something else.
func (f *Face) checkTopic(topic string) error {
	if !model.IsTopic(topic) {
		return failuref(40009, "a topic consists of 1 to 64 letters, digits, - and _")
	}
	if isOwnWord(topic) || f.Reserved(topic) {
		return failuref(40010, "")
	}
	return nil
}

// isOwnWord reports whether the topic is one that no server of ntfy's has, because
// its own pages are there.
func isOwnWord(topic string) bool {
	switch topic {
	case "docs", "static", "file", "app", "metrics", "account", "settings", "signup", "login", "v1":
		return true
	default:
		return false
	}
}
