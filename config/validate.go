package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Validate reports every value that makes no sense, one error for each, joined.
// Each names the key and, when it was not a default, where it was given.
func (c *Config) Validate() error {
	p := &problems{source: &c.Source}
	c.Server.validate(p)
	p.oneOf("database.dialect", c.Database.Dialect, "sqlite3", "mysql", "postgres")
	p.when(strings.TrimSpace(c.Database.Connection) == "", "database.connection", "must not be empty")
	p.when(c.Database.MaxConnections < minConnections, "database.maxconnections", "must be at least %d", minConnections)
	p.when(strings.TrimSpace(c.DefaultUser.Name) == "", "defaultuser.name", "must not be empty")
	p.when(c.OIDC.Enabled, "oidc.enabled", "OIDC is not supported yet; set it to false")
	p.when(c.SecretKey != "" && utf8.RuneCountInString(c.SecretKey) < minSecretKeyLength,
		"secretkey", "must have at least %d characters", minSecretKeyLength)
	p.oneOf("auth.elevation", c.Auth.Elevation, "sessions", "all", "off")
	p.oneOf("access.default", c.Access.Default, "deny", "read", "write", "read-write")
	p.oneOf("topics.autocreate", c.Topics.AutoCreate, "users", "everyone", "off")
	p.between("topics.limit", int64(c.Topics.Limit), 0, 1<<30)
	p.between("topics.user", int64(c.Topics.User), 0, 1<<30)
	c.Attachments.validate(p)
	c.validateNtfy(p)
	p.oneOf("loglevel", c.LogLevel, "debug", "info", "warn", "error")
	p.oneOf("logformat", c.LogFormat, "text", "json")
	c.Limits.validate(p)
	return errors.Join(p.found...)
}

const (
	minSecretKeyLength = 16
	// minConnections is one for those who publish, who never wait for others, and one
	// for everything else.
	minConnections = 2
	// minBytes is the least that limits on bytes may be set to: below it, the
	// server refuses everything.
	minBytes = 1024
	// maxReadTime is the longest that a request may take to arrive.
	maxReadTime = 60 * time.Second
)

func (l *Limits) validate(p *problems) {
	p.networks("limits.exempthosts", l.ExemptHosts)
	for _, limit := range []struct {
		key                string
		value, least, most int64
	}{
		{"limits.body", l.Body, minBytes, 1 << 30},
		{"limits.image", l.Image, minBytes, 1 << 30},
		{"limits.imagepixels", l.ImagePixels, 1, 1 << 30},
		{"limits.url", int64(l.URL), minBytes, 1 << 24},
		{"limits.headers", int64(l.Headers), minBytes, 1 << 24},
		{"limits.extrasdepth", int64(l.ExtrasDepth), 1, 1000},
		{"limits.extras", int64(l.Extras), 0, 1 << 30},
		{"limits.message", int64(l.Message), 0, 1 << 30},
		{"limits.logins.burst", int64(l.Logins.Burst), 1, 1 << 30},
		{"limits.streams", int64(l.Streams), 0, 1 << 30},
		{"limits.visitor.messages", int64(l.Visitor.Messages), 0, 1 << 30},
		{"limits.visitor.subscriptions", int64(l.Visitor.Subscriptions), 0, 1 << 30},
		{"limits.visitor.bandwidth", l.Visitor.Bandwidth, 0, maxStored},
		{"limits.hashing", int64(l.Hashing), 0, 1 << 10},
	} {
		p.between(limit.key, limit.value, limit.least, limit.most)
	}
	p.when(l.Logins.PerMinute <= 0, "limits.logins.perminute", "must be more than 0; limits.exempthosts lifts the limit")
	p.requests("limits.requests", l.Requests)
	p.requests("limits.visitor.requests", l.Visitor.Requests)
}

// problems collects what is wrong with settings.
type problems struct {
	source *Source
	found  []error
}

func (p *problems) add(key, format string, args ...any) {
	text := key + ": " + fmt.Sprintf(format, args...)
	if place := p.source.places[key]; place != "" {
		text += " (" + place + ")"
	}
	p.found = append(p.found, errors.New(text))
}

func (p *problems) when(wrong bool, key, format string, args ...any) {
	if wrong {
		p.add(key, format, args...)
	}
}

func (p *problems) oneOf(key, value string, allowed ...string) {
	p.when(!slices.Contains(allowed, value), key, "must be one of %s, not %s", strings.Join(allowed, ", "), shown(value))
}

func (p *problems) between(key string, value, least, most int64) {
	p.when(value < least, key, "must be at least %d", least)
	p.when(value > most, key, "must be at most %d", most)
}

// requests checks limits of which both parts are set or none.
func (p *problems) requests(key string, l RequestLimits) {
	burst, rate := key+".burst", key+".persecond"
	p.between(burst, int64(l.Burst), 0, 1<<30)
	p.when(l.PerSecond < 0, rate, "must be at least 0")
	p.when(l.PerSecond > 0 && l.Burst == 0, burst, "must be at least 1 when %s is set", rate)
	p.when(l.Burst > 0 && l.PerSecond == 0, rate, "must be more than 0 when %s is set", burst)
}

func (p *problems) port(key string, value int) {
	p.when(value < 0 || value > 65535, key, "must be a port from 0 to 65535, not %d", value)
}

func (p *problems) networks(key string, entries []string) {
	if _, err := ParseNetworks(entries); err != nil {
		p.add(key, "%v", err)
	}
}

func (p *problems) patterns(key string, entries []string) {
	if _, err := ParsePatterns(entries); err != nil {
		p.add(key, "%v", err)
	}
}
