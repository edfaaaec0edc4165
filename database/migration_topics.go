package database

import "gorm.io/gorm"

// addTopics makes room for what ntfy's language says: applications have a topic,
// messages have details, and there are access rules, access tokens, scheduled
// messages, notices and attachments. Applications that exist get their topic
// later, from whoever knows which topics are reserved (TopiclessApplications).
func (d *dialect) addTopics(tx *gorm.DB) error {
	type user struct {
		ID int64
	}
	type application struct {
		ID    int64
		Topic *string `gorm:"size:64;uniqueIndex"`
	}
	type message struct {
		ID      int64   `gorm:"primaryKey;autoIncrement:false"`
		Details *string // JSON
	}
	type sequence struct {
		ApplicationID int64    `gorm:"primaryKey;autoIncrement:false"`
		Sequence      string   `gorm:"primaryKey;size:64"`
		MessageID     int64    `gorm:"primaryKey;autoIncrement:false;index"`
		Message       *message `gorm:"constraint:OnDelete:CASCADE"`
	}
	type notice struct {
		ID            int64        `gorm:"primaryKey;autoIncrement:false;index:idx_notices_page,priority:2"`
		MessageKey    string       `gorm:"size:12;not null;uniqueIndex"`
		Kind          int          `gorm:"not null"`
		ApplicationID int64        `gorm:"not null;index:idx_notices_page,priority:1"`
		Application   *application `gorm:"constraint:OnDelete:CASCADE"`
		Sequence      string       `gorm:"size:64;not null"`
		Gone          string       `gorm:"size:12;not null;index"`
		MessageID     int64        `gorm:"not null"`
		Date          int64        `gorm:"not null"`
	}
	type scheduledMessage struct {
		MessageKey    string       `gorm:"primaryKey;size:12"`
		ApplicationID int64        `gorm:"not null;index:idx_scheduled_sequence,priority:1"`
		Application   *application `gorm:"constraint:OnDelete:CASCADE"`
		Sequence      string       `gorm:"size:64;not null;index:idx_scheduled_sequence,priority:2"`
		Due           int64        `gorm:"not null;index"`
		Content       string       `gorm:"not null"` // JSON
	}
	// A row stays when its application goes, until its file is removed.
	type attachment struct {
		Token         string `gorm:"primaryKey;size:64"`
		ApplicationID int64  `gorm:"not null"`
		MessageKey    string `gorm:"size:12;not null;index"`
		Visitor       string `gorm:"size:128;not null;index"`
		Name          string `gorm:"not null"`
		Type          string `gorm:"not null"`
		Size          int64  `gorm:"not null"`
		Expires       int64  `gorm:"not null;index"`
	}
	type accessRule struct {
		ID       int64
		UserID   *int64 `gorm:"index"`
		User     *user  `gorm:"constraint:OnDelete:CASCADE"`
		Pattern  string `gorm:"size:128;not null"`
		CanRead  bool   `gorm:"not null"`
		CanWrite bool   `gorm:"not null"`
	}
	type accessToken struct {
		ID         int64
		UserID     int64  `gorm:"not null;index"`
		User       *user  `gorm:"constraint:OnDelete:CASCADE"`
		TokenHash  []byte `gorm:"size:32;not null;uniqueIndex"`
		Hint       string `gorm:"size:16;not null"`
		Label      string `gorm:"not null"`
		CanRead    bool   `gorm:"not null"`
		CanWrite   bool   `gorm:"not null"`
		Topics     string `gorm:"not null"`
		CreatedAt  int64  `gorm:"not null;autoCreateTime:false"`
		LastUsed   *int64
		LastOrigin string `gorm:"not null"`
		ExpiresAt  *int64
	}
	m := tx.Migrator()
	// On MySQL what was done stays when the rest of the migration fails.
	for table, column := range map[any]string{&application{}: "Topic", &message{}: "Details"} {
		if m.HasColumn(table, column) {
			continue
		}
		if err := m.AddColumn(table, column); err != nil {
			return err
		}
	}
	if !m.HasIndex(&application{}, "Topic") {
		if err := m.CreateIndex(&application{}, "Topic"); err != nil {
			return err
		}
	}
	for _, table := range []any{&sequence{}, &notice{}, &attachment{}, &accessRule{}, &accessToken{}, &scheduledMessage{}} {
		if m.HasTable(table) {
			continue
		}
		if err := m.CreateTable(table); err != nil {
			return err
		}
	}
	return nil
}
