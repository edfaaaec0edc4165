package ntfy

import (
	"crypto/rand"
	"encoding/json"
	"slices"
	"strings"

	"github.com/carillon-push/carillon/model"
)

// maxActions is how many buttons clients show.
const maxActions = 3

// actionIDLength is how many characters the name of an action has.
const actionIDLength = 10

// The kinds of action.
const (
	actionView      = "view"
	actionHTTP      = "http"
	actionBroadcast = "broadcast"
	actionCopy      = "copy"
)

// parseActions reads the buttons of a message, as a list in JSON or in the short
// form (shortActions), and gives each of them an id.
func parseActions(text string) ([]model.Action, error) {
	text = strings.TrimSpace(text)
	var actions []model.Action
	var err error
	switch {
	case text == "":
		return nil, nil
	case text[0] == '[':
		actions, err = jsonActions(text)
	case text[0] == '{':
		err = failuref(40018, "in JSON, actions are a list")
	default:
		actions, err = shortActions(text)
	}
	if err != nil {
		return nil, err
	}
	if len(actions) > maxActions {
		return nil, failuref(40018, "only %d actions allowed", maxActions)
	}
	for i := range actions {
		a := &actions[i]
		a.ID = rand.Text()[:actionIDLength]
		a.Method = strings.ToUpper(a.Method)
		if err := checkAction(a); err != nil {
			return nil, err
		}
	}
	return actions, nil
}

func checkAction(a *model.Action) error {
	if !slices.Contains([]string{actionView, actionHTTP, actionBroadcast, actionCopy}, a.Action) {
		return failuref(40018, "parameter 'action' cannot be '%.40s', valid values are 'view', 'broadcast', 'http' and 'copy'", a.Action)
	}
	if a.Label == "" {
		return failuref(40018, "parameter 'label' is required")
	}
	switch {
	case (a.Action == actionView || a.Action == actionHTTP) && a.URL == "":
		return failuref(40018, "parameter 'url' is required for action '%s'", a.Action)
	case a.Action == actionCopy && a.Value == "":
		return failuref(40018, "parameter 'value' is required for action 'copy'")
	case a.Action == actionHTTP && a.Body != "" && (a.Method == "GET" || a.Method == "HEAD"):
		return failuref(40018, "parameter 'body' cannot be set if method is %s", a.Method)
	}
	return nil
}

// jsonAction is an action as senders write it. Numbers, yes and no are taken
// where texts are expected.
type jsonAction struct {
	Action  looseText            `json:"action"`
	Label   looseText            `json:"label"`
	Clear   looseText            `json:"clear"`
	URL     looseText            `json:"url"`
	Method  looseText            `json:"method"`
	Headers map[string]looseText `json:"headers"`
	Body    looseText            `json:"body"`
	Intent  looseText            `json:"intent"`
	Extras  map[string]looseText `json:"extras"`
	Value   looseText            `json:"value"`
}

func jsonActions(text string) ([]model.Action, error) {
	var list []*jsonAction
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, failuref(40018, "the JSON is wrong: %v", err)
	}
	actions := make([]model.Action, 0, min(len(list), maxActions+1))
	for _, from := range list[:min(len(list), maxActions+1)] {
		if from == nil {
			return nil, failuref(40018, "an action cannot be null")
		}
		a := model.Action{Headers: plainMap(from.Headers), Extras: plainMap(from.Extras)}
		for key, value := range map[string]looseText{
			"action": from.Action, "label": from.Label, "clear": from.Clear, "url": from.URL, "method": from.Method,
			"body": from.Body, "intent": from.Intent, "value": from.Value,
		} {
			if value == "" {
				continue
			}
			if err := setAction(&a, key, string(value)); err != nil {
				return nil, err
			}
		}
		actions = append(actions, a)
	}
	return actions, nil
}

func plainMap(from map[string]looseText) map[string]string {
	if len(from) == 0 {
		return nil
	}
	to := make(map[string]string, len(from))
	for key, value := range from {
		to[cleanText(key)] = cleanText(string(value))
	}
	return to
}

// setAction sets one parameter of an action by its name.
func setAction(a *model.Action, key, value string) error {
	value = cleanText(value)
	switch lower := strings.ToLower(key); {
	case strings.HasPrefix(lower, "headers."):
		setIn(&a.Headers, key[len("headers."):], value)
	case strings.HasPrefix(lower, "extras."):
		setIn(&a.Extras, key[len("extras."):], value)
	case lower == "action":
		a.Action = strings.ToLower(strings.TrimSpace(value))
	case lower == "label":
		a.Label = strings.TrimSpace(value)
	case lower == "url":
		a.URL = strings.TrimSpace(value)
	case lower == "method":
		a.Method = strings.TrimSpace(value)
	case lower == "body":
		a.Body = value
	case lower == "intent":
		a.Intent = value
	case lower == "value":
		a.Value = value
	case lower == "clear":
		return setClear(a, value)
	default:
		return failuref(40018, "parameter '%.40s' unknown", key)
	}
	return nil
}

func setClear(a *model.Action, value string) error {
	switch strings.ToLower(value) {
	case "true", "yes", "1":
		a.Clear = true
	case "false", "no", "0":
		a.Clear = false
	default:
		return failuref(40018, "parameter 'clear' cannot be '%.40s', only boolean values are allowed (true/yes/1/false/no/0)", value)
	}
	return nil
}

func setIn(in *map[string]string, key, value string) {
	if *in == nil {
		*in = map[string]string{}
	}
	(*in)[key] = value
}
