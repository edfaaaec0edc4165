package gotify

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"

	"github.com/gin-gonic/gin"

	"github.com/carillon-push/carillon/model"
)

// accessRule says who beyond the owner may read or write an application. User is
// null in a rule for everyone.
type accessRule struct {
	User     *string `json:"user"`
	Everyone bool    `json:"everyone"`
	Read     bool    `json:"read"`
	Write    bool    `json:"write"`
	Pattern  string  `json:"pattern"`
}

// accessBody says whose rule it is, and what they may do.
type accessBody struct {
	User     string `json:"user"`
	Everyone bool   `json:"everyone"`
	Read     *bool  `json:"read"`
	Write    *bool  `json:"write"`
}

func (b *accessBody) readForm(values url.Values) error {
	f := form{Values: values}
	b.User, b.Everyone = f.Get("user"), f.boolean("everyone")
	if read := f.boolean("read"); f.Get("read") != "" {
		b.Read = &read
	}
	if write := f.boolean("write"); f.Get("write") != "" {
		b.Write = &write
	}
	return f.err
}

// permission fails when nothing is said: to take all access away, read or write
// has to be false.
func (b *accessBody) permission() (read, write bool, err error) {
	if b.Read == nil && b.Write == nil {
		return false, false, model.Errorf(model.Invalid, "Field 'read' or 'write' is required")
	}
	return b.Read != nil && *b.Read, b.Write != nil && *b.Write, nil
}

// managed returns the application of the path to its owner and to admins.
func (f *Face) managed(c *gin.Context) (*model.Application, error) {
	id, err := pathID(c)
	if err != nil {
		return nil, err
	}
	a, err := f.Reader.ApplicationByID(c.Request.Context(), who(c).User.ID, id)
	if model.KindOf(err) == model.NotFound && who(c).User.Admin {
		if err := f.Auth.RequireAdmin(who(c)); err != nil {
			return nil, err
		}
		a, err = f.Reader.Application(c.Request.Context(), id)
	}
	return a, missing(err, "app with id %d doesn't exists", id)
}

// ruleOf returns the rule of a user, or of everyone, for exactly this
// application, without what it allows.
func (f *Face) ruleOf(ctx context.Context, a *model.Application, user string, everyone bool) (rule model.AccessRule, err error) {
	rule.Pattern = a.Topic
	if everyone == (user != "") {
		return rule, model.Errorf(model.Invalid, "either 'user' or 'everyone' is required, and not both")
	}
	if everyone {
		return rule, nil
	}
	u, err := f.Reader.UserByName(ctx, user)
	if model.KindOf(err) == model.NotFound {
		return rule, model.Errorf(model.Invalid, "there is no user with the name '%.80s'", user)
	}
	if err != nil {
		return rule, err
	}
	rule.UserID = &u.ID
	return rule, nil
}

// access lists the rules that are about the application: those of users first,
// and the longer pattern before the shorter one.
func (f *Face) access(c *gin.Context) error {
	a, err := f.managed(c)
	if err != nil {
		return err
	}
	rules, err := f.Reader.AccessRules(c.Request.Context())
	if err != nil {
		return err
	}
	rules = slices.DeleteFunc(rules, func(r *model.AccessRule) bool { return !r.Matches(a.Topic) })
	slices.SortStableFunc(rules, func(x, y *model.AccessRule) int {
		switch {
		case x.UserID == nil && y.UserID != nil:
			return 1
		case x.UserID != nil && y.UserID == nil:
			return -1
		}
		return cmp.Compare(len(y.Pattern), len(x.Pattern))
	})
	var ids []int64
	for _, r := range rules {
		if r.UserID != nil {
			ids = append(ids, *r.UserID)
		}
	}
	names, err := f.userNames(c.Request.Context(), ids)
	if err != nil {
		return err
	}
	list := make([]accessRule, len(rules))
	for i, r := range rules {
		list[i] = toAccessRule(r, names)
	}
	writeJSON(c, http.StatusOK, list)
	return nil
}

func toAccessRule(r *model.AccessRule, names map[int64]string) accessRule {
	w := accessRule{Everyone: r.UserID == nil, Read: r.CanRead, Write: r.CanWrite, Pattern: r.Pattern}
	if r.UserID != nil {
		name := names[*r.UserID]
		w.User = &name
	}
	return w
}

func (f *Face) putAccess(c *gin.Context) error {
	a, err := f.managed(c)
	if err != nil {
		return err
	}
	var body accessBody
	if err := decode(c, &body); err != nil {
		return err
	}
	rule, err := f.ruleOf(c.Request.Context(), a, body.User, body.Everyone)
	if err != nil {
		return err
	}
	names := map[int64]string{}
	if rule.UserID != nil {
		names[*rule.UserID] = body.User
	}
	if _, owner := names[a.UserID]; owner {
		return model.Errorf(model.Invalid, "the application belongs to '%s', who may do everything", body.User)
	}
	if rule.CanRead, rule.CanWrite, err = body.permission(); err != nil {
		return err
	}
	if err := f.Auth.PutApplicationRule(c.Request.Context(), rule, a.ID); err != nil {
		return missing(err, "app with id %d doesn't exists", a.ID)
	}
	writeJSON(c, http.StatusOK, toAccessRule(&rule, names))
	return nil
}

func (f *Face) deleteAccess(c *gin.Context) error {
	a, err := f.managed(c)
	if err != nil {
		return err
	}
	query := form{Values: c.Request.URL.Query()}
	user, everyone := query.Get("user"), query.boolean("everyone")
	if query.err != nil {
		return query.err
	}
	rule, err := f.ruleOf(c.Request.Context(), a, user, everyone)
	if err != nil {
		return err
	}
	err = f.Auth.DeleteAccessRules(c.Request.Context(), rule.UserID, rule.Pattern)
	return done(c, missing(err, "there is no access rule of this kind for the topic %s", a.Topic))
}
