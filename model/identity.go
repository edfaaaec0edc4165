package model

// Credential says what kind of proof an identity rests on.
type Credential uint8

// The kinds of credential.
const (
	// ApplicationToken can only post, and only as its application.
	ApplicationToken Credential = iota + 1
	// ClientToken reads and manages its user's things and never posts; only the
	// token of a web session does, as its user.
	ClientToken
	// Password is a person's own name and password.
	Password
	// PersonalToken is an access token, which stands for its user's password on
	// ntfy's face.
	PersonalToken
)

// Identity is on whose behalf a request acts, and with which powers. It is
// shared between requests: nobody may change what it points to.
type Identity struct {
	Credential Credential
	User       *User
	// Client is set for a ClientToken.
	Client *Client
	// Application is set for an ApplicationToken.
	Application *Application
	// AccessToken is set for a PersonalToken.
	AccessToken *AccessToken
}
