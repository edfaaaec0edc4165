package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/carillon-push/carillon/model"
)

// everyone stands for all people, those without an account too. A * does as well,
// as with ntfy.
const everyone = "everyone"

// parsePermission reads a permission in the words of ntfy's command line.
func parsePermission(text string) (model.Permission, error) {
	switch strings.ToLower(text) {
	case "read-write", "rw":
		return model.Permission{Read: true, Write: true}, nil
	case "read-only", "read", "ro":
		return model.Permission{Read: true}, nil
	case "write-only", "write", "wo":
		return model.Permission{Write: true}, nil
	case "deny", "deny-all", "none":
		return model.Permission{}, nil
	}
	return model.Permission{}, fmt.Errorf("%q is no permission: read-write, read-only, write-only and deny are", text)
}

func formatPermission(p model.Permission) string {
	switch p {
	case model.Permission{Read: true, Write: true}:
		return "read-write"
	case model.Permission{Read: true}:
		return "read-only"
	case model.Permission{Write: true}:
		return "write-only"
	}
	return "deny"
}

// who writes whose rule it is.
func who(name string) string {
	if name == everyone {
		return everyone
	}
	return fmt.Sprintf("user %q", name)
}

// ruleOf returns a rule of the user whose name the first operand is, or of
// everyone, and what it is called.
func ruleOf(ctx context.Context, n *node, e environment) (rule model.AccessRule, name string, err error) {
	name, rule.Pattern = e.operand(0), e.operand(1)
	if name == everyone || name == "*" {
		return rule, everyone, nil
	}
	user, err := n.db.UserByName(ctx, name)
	if err != nil {
		return rule, name, fmt.Errorf("user %q: %w", name, err)
	}
	rule.UserID = &user.ID
	return rule, name, nil
}

func listAccess(ctx context.Context, e environment) error {
	return withDatabase(ctx, e, func(n *node) error {
		rules, err := n.db.AccessRules(ctx)
		if err != nil {
			return err
		}
		users, err := n.db.Users(ctx)
		if err != nil {
			return err
		}
		names := map[int64]string{}
		for _, u := range users {
			names[u.ID] = u.Name
		}
		nameOf := func(r *model.AccessRule) string {
			if r.UserID == nil {
				return everyone
			}
			return names[*r.UserID]
		}
		slices.SortStableFunc(rules, func(x, y *model.AccessRule) int {
			return cmp.Or(cmp.Compare(nameOf(x), nameOf(y)), cmp.Compare(x.Pattern, y.Pattern))
		})
		table := tabwriter.NewWriter(e.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "USER\tPATTERN\tPERMISSION")
		for _, r := range rules {
			fmt.Fprintf(table, "%s\t%s\t%s\n", nameOf(r), r.Pattern, formatPermission(r.Permission()))
		}
		return table.Flush()
	})
}

func setAccess(ctx context.Context, e environment) error {
	permission, err := parsePermission(e.operand(2))
	if err != nil {
		return err
	}
	return withDatabase(ctx, e, func(n *node) error {
		rule, name, err := ruleOf(ctx, n, e)
		if err != nil {
			return err
		}
		rule.CanRead, rule.CanWrite = permission.Read, permission.Write
		if err := n.auth.PutAccessRule(ctx, rule); err != nil {
			return err
		}
		fmt.Fprintf(e.out, "set the access of %s to %s: %s\n", who(name), rule.Pattern, formatPermission(permission))
		return nil
	})
}

func resetAccess(ctx context.Context, e environment) error {
	return withDatabase(ctx, e, func(n *node) error {
		if len(e.operands) == 0 {
			return resetAllAccess(ctx, n, e)
		}
		rule, name, err := ruleOf(ctx, n, e)
		if err != nil {
			return err
		}
		what := "access rules"
		if rule.Pattern != "" {
			what = "access rule for " + rule.Pattern
		}
		err = n.auth.DeleteAccessRules(ctx, rule.UserID, rule.Pattern)
		if model.KindOf(err) == model.NotFound {
			return fmt.Errorf("%s has no %s", who(name), what)
		}
		if err == nil {
			fmt.Fprintf(e.out, "deleted the %s of %s\n", what, who(name))
		}
		return err
	})
}

func resetAllAccess(ctx context.Context, n *node, e environment) error {
	rules, err := n.db.AccessRules(ctx)
	if err != nil {
		return err
	}
	for _, r := range rules {
		// Somebody else may have been faster.
		if err := n.auth.DeleteAccessRules(ctx, r.UserID, r.Pattern); err != nil && model.KindOf(err) != model.NotFound {
			return err
		}
	}
	fmt.Fprintln(e.out, "deleted all access rules")
	return nil
}
