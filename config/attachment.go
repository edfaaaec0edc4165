package config

import (
	"strings"
	"time"
)

// Attachments are the files that are uploaded with messages.
type Attachments struct {
	// Folder is where they are kept; "" turns uploads off.
	Folder string `yaml:"folder"`
	// File is the most bytes of one file.
	File int64 `yaml:"file"`
	// Visitor is the most bytes of all files of one visitor.
	Visitor int64 `yaml:"visitor"`
	// Total is the most bytes of all files.
	Total int64 `yaml:"total"`
	// Expiry is how long a file is kept.
	Expiry time.Duration `yaml:"expiry"`
}

func (a *Attachments) validate(p *problems) {
	p.when(a.Folder != "" && strings.TrimSpace(a.Folder) == "", "attachments.folder", `must name a folder, or be "" for no attachments`)
	p.between("attachments.file", a.File, 1, maxStored)
	p.between("attachments.visitor", a.Visitor, 1, maxStored)
	p.between("attachments.total", a.Total, 1, maxStored)
	p.when(a.Expiry <= 0, "attachments.expiry", "must be more than 0")
}
