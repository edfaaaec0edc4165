// Package config owns the settings of the server: the struct that holds them,
// their defaults, how they are loaded, and which values make sense.
//
// Settings come from the defaults, then a YAML file, then the environment; what
// comes later wins. A key that nobody knows, a value of the wrong type and a key
// given twice stop the start with the place they stand at, because a setting that
// is silently ignored is worse than none. Gotify 2.x's config.yml and Gotify 3's
// environment names load as they are, and some of ntfy's.
//
// The package knows nobody who uses the values, opens nothing but the files it is
// told to read, and never writes. Error messages never hold a secret. Every
// setting stands in config.example.yml with its default; a test compares both.
package config

// Config is all settings of the server. A yaml tag is a setting's name in the
// file; a secret tag says how Masked hides its value.
type Config struct {
	// Server is how the server listens and answers.
	Server Server `yaml:"server"`
	// Database is where everything is stored.
	Database Database `yaml:"database"`
	// DefaultUser is the administrator that the first start creates.
	DefaultUser DefaultUser `yaml:"defaultuser"`
	// PassStrength is Gotify's bcrypt cost. It is accepted and has no effect:
	// passwords are stored as argon2id.
	PassStrength int `yaml:"passstrength"`
	// UploadedImagesDir is the folder of images of a Gotify installation, which
	// are served read-only. Our own images live in the database.
	UploadedImagesDir string `yaml:"uploadedimagesdir"`
	// PluginsDir is the folder of plugins; "" is none. Not used yet.
	PluginsDir string `yaml:"pluginsdir"`
	// Registration lets anybody create a user.
	Registration bool `yaml:"registration"`
	// OIDC is the log-in through an OpenID Connect provider. Not supported yet.
	OIDC OIDC `yaml:"oidc"`
	// SecretKey seals the application tokens in the database. "" generates one
	// into the file secret.key; else at least 16 characters.
	SecretKey string `yaml:"secretkey" secret:"value"`
	// Auth is what credentials may do.
	Auth Auth `yaml:"auth"`
	// Access is who may read and write what no access rule speaks of.
	Access Access `yaml:"access"`
	// Topics is how applications come into being on ntfy's face.
	Topics Topics `yaml:"topics"`
	// Attachments are the files that are uploaded with messages.
	Attachments Attachments `yaml:"attachments"`
	// Ntfy is how the server speaks ntfy's language.
	Ntfy Ntfy `yaml:"ntfy"`
	// LogLevel is the least severity that is logged: debug, info, warn or error.
	LogLevel string `yaml:"loglevel"`
	// LogFormat is text or json.
	LogFormat string `yaml:"logformat"`
	// Limits is how much one sender may ask of the server.
	Limits Limits `yaml:"limits"`
	// Source says where the settings were read. It is no setting.
	Source Source `yaml:"-"`
}

// Database is where everything is stored.
type Database struct {
	// Dialect is sqlite3, mysql (MariaDB too) or postgres.
	Dialect string `yaml:"dialect"`
	// Connection is the path of the SQLite file, or the driver's connection string.
	Connection string `yaml:"connection" secret:"connection"`
	// MaxConnections is the most connections that are open at once, at least 2.
	// sqlite3 does not use it.
	MaxConnections int `yaml:"maxconnections"`
}

// DefaultUser is the administrator that is created when there is no user yet.
type DefaultUser struct {
	// Name is the user's name.
	Name string `yaml:"name"`
	// Pass is the user's password; "" generates one and prints it once.
	Pass string `yaml:"pass" secret:"value"`
}

// OIDC is the log-in through an OpenID Connect provider.
type OIDC struct {
	// Enabled turns it on. Not supported yet: Validate refuses it.
	Enabled bool `yaml:"enabled"`
	// Issuer is the provider's address.
	Issuer string `yaml:"issuer"`
	// ClientID is our name at the provider.
	ClientID string `yaml:"clientid"`
	// ClientSecret is our password at the provider.
	ClientSecret string `yaml:"clientsecret" secret:"value"`
	// RedirectURL is where the provider sends the browser back to.
	RedirectURL string `yaml:"redirecturl"`
	// UsernameClaim is the claim that holds the user's name.
	UsernameClaim string `yaml:"usernameclaim"`
	// AutoRegister creates a user at the first log-in.
	AutoRegister bool `yaml:"autoregister"`
	// LinkByUsername lets the first log-in take over the user of the same name.
	LinkByUsername bool `yaml:"linkbyusername"`
	// Scopes is what the provider is asked for.
	Scopes []string `yaml:"scopes"`
}

// Auth is what credentials may do.
type Auth struct {
	// Elevation says who must give the password again before destructive calls:
	// web sessions (sessions), every client token (all), or nobody (off).
	Elevation string `yaml:"elevation"`
}

// Limits is how much one sender may ask of the server.
type Limits struct {
	// ExemptHosts are addresses and networks to which the limits on requests,
	// streams and log-ins, and those of Visitor, do not apply.
	ExemptHosts []string `yaml:"exempthosts"`
	// Body is the most bytes of a request's body, uploads of images excepted.
	Body int64 `yaml:"body"`
	// Image is the most bytes of an uploaded image.
	Image int64 `yaml:"image"`
	// ImagePixels is the most pixels of an uploaded image.
	ImagePixels int64 `yaml:"imagepixels"`
	// URL is the most bytes of a request's address.
	URL int `yaml:"url"`
	// Headers is the most bytes of a request's headers.
	Headers int `yaml:"headers"`
	// ExtrasDepth is how deep a message's extras may be nested.
	ExtrasDepth int `yaml:"extrasdepth"`
	// Extras is the most bytes of a message's extras; 0 is no limit of its own, only
	// that of Body.
	Extras int `yaml:"extras"`
	// Message is the most bytes of a message's text; 0 is no limit of its own, only
	// that of Body.
	Message int `yaml:"message"`
	// Logins throttles the guessing of passwords.
	Logins LoginLimits `yaml:"logins"`
	// Requests throttles requests.
	Requests RequestLimits `yaml:"requests"`
	// Streams is the most open streams of a user; 0 is no limit.
	Streams int `yaml:"streams"`
	// Visitor is how much one visitor may ask of ntfy's face.
	Visitor VisitorLimits `yaml:"visitor"`
	// Hashing is how many passwords are hashed at the same time; 0 is one per CPU.
	Hashing int `yaml:"hashing"`
}

// LoginLimits throttles failed log-ins, per address.
type LoginLimits struct {
	// Burst is how many may fail in a row.
	Burst int `yaml:"burst"`
	// PerMinute is how many more may fail in each minute after that.
	PerMinute float64 `yaml:"perminute"`
}

// RequestLimits throttles requests, per address. Zeros are no limit.
type RequestLimits struct {
	// Burst is how many may come at once.
	Burst int `yaml:"burst"`
	// PerSecond is how many more may come in each second after that.
	PerSecond float64 `yaml:"persecond"`
}

// Source says where settings were read.
type Source struct {
	// Path is the file that was read, "" when there was none.
	Path string
	// places holds, for each setting that was given, the line or the variable.
	places map[string]string
}
