package ntfy

import (
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/carillon-push/carillon/model"
)

// parsePermission reads a permission in any of ntfy's spellings.
func parsePermission(text string) (p model.Permission, err error) {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "read-write", "rw":
		return model.Permission{Read: true, Write: true}, nil
	case "read-only", "read", "ro":
		return model.Permission{Read: true}, nil
	case "write-only", "write", "wo":
		return model.Permission{Write: true}, nil
	case "deny-all", "deny", "none":
		return p, nil
	}
	return p, failuref(40025, "")
}

func permissionName(p model.Permission) string {
	switch {
	case p.Read && p.Write:
		return "read-write"
	case p.Read:
		return "read-only"
	case p.Write:
		return "write-only"
	default:
		return "deny-all"
	}
}

// accessBody names a rule. Topic may be a pattern; for a deletion none stands for
// all.
type accessBody struct {
	Username   string `json:"username"`
	Topic      string `json:"topic"`
	Permission string `json:"permission"`
}

func (f *Face) putAccess(c *gin.Context) error {
	var body accessBody
	user, err := f.readAccess(c, &body)
	if err != nil {
		return err
	}
	permission, err := parsePermission(body.Permission)
	if err != nil {
		return err
	}
	if err := checkPattern(body.Topic); err != nil {
		return err
	}
	err = f.Auth.PutAccessRule(c.Request.Context(), model.AccessRule{
		UserID: user, Pattern: body.Topic, CanRead: permission.Read, CanWrite: permission.Write,
	})
	if model.KindOf(err) == model.NotFound {
		return failuref(40031, "")
	}
	return done(c, err)
}

// deleteAccess deletes what there is; as in ntfy, nothing is fine too.
func (f *Face) deleteAccess(c *gin.Context) error {
	var body accessBody
	user, err := f.readAccess(c, &body)
	if err != nil {
		return err
	}
	if body.Topic != "" {
		if err := checkPattern(body.Topic); err != nil {
			return err
		}
	}
	err = f.Auth.DeleteAccessRules(c.Request.Context(), user, body.Topic)
	if model.KindOf(err) == model.NotFound {
		err = nil
	}
	return done(c, err)
}

// readAccess reads the body of an admin's request and returns the user that it is
// about, nil for everyone.
func (f *Face) readAccess(c *gin.Context, body *accessBody) (*int64, error) {
	if err := f.requireAdmin(c); err != nil {
		return nil, err
	}
	if err := readBody(c, body, false); err != nil {
		return nil, err
	}
	if body.Username == everyone {
		return nil, nil //nolint:nilnil // everyone is no failure
	}
	user, err := f.userByName(c, body.Username)
	if model.KindOf(err) == model.NotFound {
		// A user of that name, who came in another way, is meant before everyone is.
		if body.Username == "everyone" {
			return nil, nil //nolint:nilnil // everyone is no failure
		}
		return nil, failuref(40031, "")
	}
	if err != nil {
		return nil, err
	}
	return &user.ID, nil
}

func checkPattern(pattern string) error {
	if err := model.CheckPattern(pattern); err != nil {
		return failuref(40009, "%s", err.Error())
	}
	return nil
}
