package ntfy

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"golang.org/x/time/rate"

	"github.com/carillon-push/carillon/auth"
	"github.com/carillon-push/carillon/model"
)

// The roles that ntfy knows, and the name of who is nobody.
const (
	roleAdmin     = "admin"
	roleUser      = "user"
	roleAnonymous = "anonymous"
	everyone      = "*"
)

// unlimited stands for a number where there is no limit: the largest that
// JavaScript reads exactly.
const unlimited = 1<<53 - 1

type account struct {
	Username string        `json:"username"`
	Role     string        `json:"role"`
	Tokens   []token       `json:"tokens,omitempty"`
	Limits   accountLimits `json:"limits"`
	Stats    accountStats  `json:"stats"`
}

// accountLimits are of a day, and in bytes and seconds. A duration of 0 means that
// messages do not expire.
type accountLimits struct {
	Basis                    string `json:"basis"`
	Messages                 int64  `json:"messages"`
	MessagesExpiryDuration   int64  `json:"messages_expiry_duration"`
	Emails                   int64  `json:"emails"`
	Calls                    int64  `json:"calls"`
	Reservations             int64  `json:"reservations"`
	AttachmentTotalSize      int64  `json:"attachment_total_size"`
	AttachmentFileSize       int64  `json:"attachment_file_size"`
	AttachmentExpiryDuration int64  `json:"attachment_expiry_duration"`
	AttachmentBandwidth      int64  `json:"attachment_bandwidth"`
}

type accountStats struct {
	Messages                     int64 `json:"messages"`
	MessagesRemaining            int64 `json:"messages_remaining"`
	Emails                       int64 `json:"emails"`
	EmailsRemaining              int64 `json:"emails_remaining"`
	Calls                        int64 `json:"calls"`
	CallsRemaining               int64 `json:"calls_remaining"`
	Reservations                 int64 `json:"reservations"`
	ReservationsRemaining        int64 `json:"reservations_remaining"`
	AttachmentTotalSize          int64 `json:"attachment_total_size"`
	AttachmentTotalSizeRemaining int64 `json:"attachment_total_size_remaining"`
}

// account tells what the caller, or a stranger at this address, may do and has used.
func (f *Face) account(c *gin.Context) error {
	who, err := f.identify(c)
	if err != nil {
		return err
	}
	told := account{Username: everyone, Role: roleAnonymous}
	if who != nil {
		if err := auth.RequirePerson(who); err != nil {
			return err
		}
		told.Username, told.Role = who.User.Name, roleOf(who.User)
		tokens, err := f.Reader.AccessTokensByUser(c.Request.Context(), who.User.ID)
		if err != nil {
			return err
		}
		for _, t := range tokens {
			told.Tokens = append(told.Tokens, toToken(t, t.Hint+"..."))
		}
	}
	v := f.visit(c, who)
	told.Limits.Basis = "ip"
	told.Limits.Messages, told.Stats.MessagesRemaining = v.allowed(v.messages)
	told.Stats.Messages = told.Limits.Messages - told.Stats.MessagesRemaining
	told.Limits.AttachmentBandwidth, _ = v.allowed(v.bandwidth)
	if err := f.tellRoom(c, v, &told); err != nil {
		return err
	}
	return writeJSON(c, http.StatusOK, told)
}

// tellRoom tells what room there is for attachments, none when there are none.
func (f *Face) tellRoom(c *gin.Context, v *visitor, told *account) error {
	limits := f.Broker.Attachments
	if limits.Folder == "" {
		return nil
	}
	used, _, err := f.Reader.FileSizes(c.Request.Context(), v.key)
	if err != nil {
		return err
	}
	told.Limits.AttachmentTotalSize = limitOr(limits.Visitor)
	told.Limits.AttachmentFileSize = limitOr(limits.File)
	told.Limits.AttachmentExpiryDuration = int64(limits.Expiry.Seconds())
	told.Stats.AttachmentTotalSize = used
	told.Stats.AttachmentTotalSizeRemaining = max(told.Limits.AttachmentTotalSize-used, 0)
	return nil
}

func limitOr(limit int64) int64 {
	if limit <= 0 {
		return unlimited
	}
	return limit
}

// allowed returns what a visitor may have of something in a day, and how much of
// that is left.
func (v *visitor) allowed(l *rate.Limiter) (all, left int64) {
	if l == nil {
		return unlimited, unlimited
	}
	return int64(l.Burst()), max(int64(l.TokensAt(v.now())), 0)
}

func roleOf(u *model.User) string {
	if u.Admin {
		return roleAdmin
	}
	return roleUser
}
