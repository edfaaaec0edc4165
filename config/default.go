package config

import "time"

// Default returns the settings of a server that was given none.
func Default() *Config {
	return &Config{
		Server: Server{
			Port: 8080,
			SSL: SSL{
				RedirectToHTTPS: true,
				Port:            443,
				LetsEncrypt:     LetsEncrypt{Cache: "data/certs", Hosts: []string{}},
			},
			ResponseHeaders: map[string]string{},
			// Many proxies cut a connection that was quiet for 30 seconds.
			Stream:         Stream{PingPeriodSeconds: 25, AllowedOrigins: []string{}},
			CORS:           CORS{AllowOrigins: []string{}, AllowMethods: []string{}, AllowHeaders: []string{}},
			TrustedProxies: []string{},
			Timeouts: Timeouts{
				ReadHeader: 10 * time.Second,
				Read:       30 * time.Second,
				Write:      60 * time.Second,
				Idle:       120 * time.Second,
				// Container runtimes kill a program 10 seconds after asking.
				Shutdown: 8 * time.Second,
			},
		},
		Database:          Database{Dialect: "sqlite3", Connection: "data/carillon.db", MaxConnections: 20},
		DefaultUser:       DefaultUser{Name: "admin"},
		PassStrength:      defaultPassStrength,
		UploadedImagesDir: "data/images",
		PluginsDir:        "data/plugins",
		OIDC: OIDC{
			UsernameClaim: "preferred_username",
			AutoRegister:  true,
			Scopes:        []string{"openid", "profile", "email"},
		},
		Auth:   Auth{Elevation: "sessions"},
		Access: Access{Default: "deny"},
		Topics: Topics{AutoCreate: "users", Limit: 15_000, User: 1000},
		Attachments: Attachments{
			Folder:  "data/attachments",
			File:    15 << 20,
			Visitor: 100 << 20,
			Total:   5 << 30,
			Expiry:  3 * time.Hour,
		},
		// Many proxies cut a connection that was quiet for 30 seconds.
		Ntfy:      Ntfy{KeepAlive: 25 * time.Second, Message: 4096},
		LogLevel:  "info",
		LogFormat: "text",
		Limits:    defaultLimits(),
	}
}

// defaultPassStrength is Gotify's default for a setting that has no effect here.
const defaultPassStrength = 10

func defaultLimits() Limits {
	return Limits{
		ExemptHosts: []string{},
		Body:        1 << 20,
		Image:       10 << 20,
		ImagePixels: 25_000_000,
		URL:         16 << 10,
		Headers:     64 << 10,
		ExtrasDepth: 32,
		Extras:      256 << 10,
		Logins:      LoginLimits{Burst: 30, PerMinute: 1},
		Streams:     1000,
		Visitor: VisitorLimits{
			Requests:      RequestLimits{Burst: 60, PerSecond: 0.2},
			Messages:      17_280,
			Subscriptions: 30,
			Bandwidth:     500 << 20,
		},
	}
}
