package config

import (
	"strings"
	"time"
)

// Ntfy is how the server speaks ntfy's language.
type Ntfy struct {
	// KeepAlive is between two signs of life on a quiet stream.
	KeepAlive time.Duration `yaml:"keepalive"`
	// Message is the most bytes of a message's text; a longer one becomes an
	// attachment.
	Message int `yaml:"message"`
	// Templates is a folder of templates that senders may name; "" is none.
	Templates string `yaml:"templates"`
	// Upstream is a server that wakes phones which cannot hold a stream.
	Upstream Upstream `yaml:"upstream"`
}

// Upstream is a server that is told that there is a message, and not which one. It
// is how ntfy's app for iOS hears of messages at once.
type Upstream struct {
	// BaseURL is the server's address, without a slash at its end; "" is none.
	BaseURL string `yaml:"baseurl"`
	// Token is our access token at that server.
	Token string `yaml:"token" secret:"value"`
}

// VisitorLimits is how much one visitor may ask of ntfy's face. Zeros are no limit.
type VisitorLimits struct {
	// Requests throttles requests.
	Requests RequestLimits `yaml:"requests"`
	// Messages is the most messages of a day.
	Messages int `yaml:"messages"`
	// Subscriptions is the most open streams.
	Subscriptions int `yaml:"subscriptions"`
	// Bandwidth is the most bytes of attachments that go in and out in a day.
	Bandwidth int64 `yaml:"bandwidth"`
}

const (
	// maxNtfyMessage keeps the line of JSON of a message below the 64 KiB that ntfy's
	// clients read, with room for its title, its actions and line breaks.
	maxNtfyMessage = 32 << 10
	// maxStored is in bytes. Sums of such numbers do not overflow.
	maxStored = 1 << 50
)

func (c *Config) validateNtfy(p *problems) {
	n := &c.Ntfy
	p.when(n.KeepAlive <= 0, "ntfy.keepalive", "must be more than 0")
	p.between("ntfy.message", int64(n.Message), 1, maxNtfyMessage)
	p.when(n.Templates != "" && strings.TrimSpace(n.Templates) == "", "ntfy.templates", `must name a folder, or be "" for none`)
	// Not even a part of the token is shown.
	p.when(strings.ContainsFunc(n.Upstream.Token, isControl), "ntfy.upstream.token", "holds a line break or another control character")
	if n.Upstream.BaseURL == "" {
		return
	}
	p.address("ntfy.upstream.baseurl", n.Upstream.BaseURL)
	// Phones ask the upstream for the name of a topic that holds our own address.
	p.when(c.Server.BaseURL == "", "ntfy.upstream.baseurl", "needs server.baseurl")
	p.when(c.Server.BaseURL == n.Upstream.BaseURL, "ntfy.upstream.baseurl", "must not be server.baseurl: the server would call itself")
}
