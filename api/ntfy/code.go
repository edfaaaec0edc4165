package ntfy

// meaning is what a code of ntfy's stands for. Its first three digits are the
// status.
type meaning struct{ text, link string }

// Pages of ntfy's documentation that explain a refusal.
const (
	docsPublish     = "https://ntfy.sh/docs/publish/"
	docsSubscribe   = "https://ntfy.sh/docs/subscribe/api/"
	docsConfig      = "https://ntfy.sh/docs/config/"
	docsAttachments = docsPublish + "#attachments"
	docsAccess      = docsPublish + "#authentication"
	docsDelay       = docsPublish + "#scheduled-delivery"
	docsLimits      = docsPublish + "#limitations"
	docsTemplates   = docsPublish + "#message-templating"
)

// lookUp returns what the code means. Of codes that nobody has named yet, only the
// status is known.
func lookUp(code int) meaning {
	if known, ok := meanings[code]; ok {
		return known
	}
	return meaning{text: "refused"}
}

// meanings are the codes that this server answers with, under the numbers and in
// the words that programs written for ntfy look for. Ours, where ntfy has none, are
// 40057, 40058, 40800 and 50301.
var meanings = map[int]meaning{
	40000: {"invalid request", ""},
	40001: {"e-mail notifications are not enabled", docsConfig + "#e-mail-notifications"},
	40002: {"cannot disable cache for delayed message", ""},
	40003: {"delayed e-mail notifications are not supported", ""},
	40004: {"invalid delay parameter: unable to parse delay", docsDelay},
	40005: {"invalid delay parameter: too small", docsDelay},
	40006: {"invalid delay parameter: too large", docsDelay},
	40007: {"invalid priority parameter", docsPublish + "#message-priority"},
	40008: {"invalid since parameter", docsSubscribe + "#fetch-cached-messages"},
	40009: {"invalid request: topic invalid", ""},
	40010: {"invalid request: topic name is not allowed", ""},
	40011: {"invalid message: message must be UTF-8 encoded", ""},
	40013: {"invalid request: attachment URL is invalid", docsAttachments},
	40014: {"invalid request: attachments not allowed", docsConfig + "#attachments"},
	40015: {"invalid request: attachment expiry before delayed delivery date", docsDelay},
	40016: {"invalid request: client not using the websocket protocol", docsSubscribe + "#websockets"},
	40018: {"invalid request: actions invalid", docsPublish + "#action-buttons"},
	40019: {"invalid request: Matrix JSON invalid", docsPublish + "#matrix-gateway"},
	40020: {"invalid request: push key must be prefixed with base URL", docsPublish + "#matrix-gateway"},
	40021: {"invalid request: icon URL is invalid", docsPublish + "#icons"},
	40023: {"invalid request: no token provided", ""},
	40024: {"invalid request: request body must be valid JSON", ""},
	40025: {"invalid request: incorrect permission string", ""},
	40031: {"invalid request: user does not exist", ""},
	40032: {"invalid request: calling is disabled", docsConfig + "#phone-calls"},
	40037: {"delayed call notifications are not supported", ""},
	40041: {"invalid request: message or title is too large after replacing template", docsTemplates},
	40042: {"invalid request: message body must be JSON if templating is enabled", docsTemplates},
	40043: {"invalid request: could not parse template", docsTemplates},
	40044: {"invalid request: template contains disallowed function calls", docsTemplates},
	40045: {"invalid request: template execution failed", docsTemplates},
	40046: {"invalid request: invalid username", ""},
	40047: {"invalid request: template file not found", docsTemplates},
	40048: {"invalid request: template file invalid", docsTemplates},
	40049: {"invalid request: sequence ID invalid", docsPublish},
	40057: {"invalid request: title too long", docsLimits},
	40058: {"invalid request: tags too long", docsLimits},
	40101: {"unauthorized", docsAccess},
	40301: {"forbidden", docsAccess},
	40401: {"page not found", ""},
	40800: {"the request took too long to arrive", ""},
	40901: {"conflict", ""},
	40903: {"conflict: topic subscription already exists", ""},
	41301: {"attachment too large, or bandwidth limit reached", docsLimits},
	41302: {"Matrix request is larger than the max allowed length", ""},
	41303: {"JSON body too large", ""},
	42901: {"limit reached: too many requests", docsLimits},
	42903: {"limit reached: too many active subscriptions", docsLimits},
	42904: {"limit reached: the total number of topics on the server has been reached", docsLimits},
	42905: {"limit reached: daily bandwidth reached", docsLimits},
	42908: {"limit reached: daily message quota reached", docsLimits},
	42909: {"limit reached: too many auth failures", docsLimits},
	50001: {"internal server error", ""},
	50003: {"internal server error: base-url must be configured for this feature", docsConfig},
	50301: {"temporarily unavailable", ""},
	50701: {"cannot publish to UnifiedPush topic without previously active subscriber", ""},
}
