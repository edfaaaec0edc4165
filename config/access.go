package config

// Access is who may read and write what no access rule speaks of.
type Access struct {
	// Default is what everybody may do with applications that no access rule names:
	// deny, read, write or read-write. Owners and administrators are not meant by it.
	Default string `yaml:"default"`
}

// Permission returns what everybody may do where no access rule says more.
func (a Access) Permission() (read, write bool) {
	switch a.Default {
	case "read":
		return true, false
	case "write":
		return false, true
	case "read-write":
		return true, true
	}
	return false, false
}

// permissions are the spellings of ntfy's settings that differ from ours.
func permissions() map[string]string {
	return map[string]string{
		"deny-all": "deny", "none": "deny",
		"read-only": "read", "ro": "read",
		"write-only": "write", "wo": "write",
		"rw": "read-write",
	}
}

// Topics is how applications come into being on ntfy's face.
type Topics struct {
	// AutoCreate says whose first message or subscription creates the application of
	// a topic that does not exist: users, everyone or off.
	AutoCreate string `yaml:"autocreate"`
	// Limit is the number of applications on the whole server from which on no more
	// are created in this way; 0 is no limit.
	Limit int `yaml:"limit"`
	// User is the same for the applications of one user.
	User int `yaml:"user"`
}
