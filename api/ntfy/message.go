package ntfy

import (
	"context"
	"io"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/carillon-push/carillon/model"
)

func (f *Face) publish(c *gin.Context) error {
	who, err := f.identify(c)
	if err != nil {
		return err
	}
	p := newParameters(c.Request)
	p.give("x-sequence-id", c.Param("sequence"))
	return f.publishAs(c, publishing{
		who: who, topic: c.Param("topic"), parameters: p,
		body: body{Reader: newPatientReader(c.Writer, c.Request), size: c.Request.ContentLength},
	})
}

// publishGet is for those who can only call an address.
func (f *Face) publishGet(c *gin.Context) error { return f.publish(c) }

// publishing is a request to publish whose sender and topic are known.
type publishing struct {
	who        *model.Identity
	topic      string
	parameters *parameters
	body       body
}

// publishAs publishes and answers with the message. Whoever may not is refused
// before the body is read, and what is wrong with the request before it counts as
// one of the visitor's messages.
func (f *Face) publishAs(c *gin.Context, r publishing) error {
	ctx := c.Request.Context()
	if err := f.Broker.MayPublish(ctx, r.who, r.topic); err != nil {
		return err
	}
	pub, err := parsePublication(r.parameters, f.Now())
	if err != nil {
		return err
	}
	if pub.kind(r.body.size, f.Limits.Message) == fileBody {
		if err := f.checkUpload(pub, r.body.size); err != nil {
			return err
		}
	}
	file, err := pub.take(r.body, f.Limits.Message, f.templates)
	if err != nil {
		return err
	}
	if file != nil {
		if err := f.store(c, pub, r, file); err != nil {
			return err
		}
	}
	// Who takes time to send a body may have lost the right to meanwhile.
	if r.who, err = f.identify(c); err != nil {
		f.discard(pub)
		return err
	}
	m, err := f.publishDraft(ctx, f.visit(c, r.who), r, pub)
	if err != nil {
		f.discard(pub)
		return err
	}
	return tell(c, model.Published(m))
}

// checkUpload refuses a file that can never be accepted, before it is sent. size
// is what was announced, or negative.
func (f *Face) checkUpload(pub *publication, size int64) error {
	limits := f.Broker.Attachments
	switch {
	case limits.Folder == "":
		return failuref(40014, "")
	case limits.File > 0 && size > limits.File:
		return failuref(41301, "a file must not be larger than %d bytes", limits.File)
	case !pub.Deliver.IsZero() && limits.Expiry > 0 && pub.Deliver.After(f.Now().Add(limits.Expiry)):
		return failuref(40015, "a file is kept for %s", limits.Expiry)
	}
	return nil
}

// store uploads the file and puts it into the publication.
func (f *Face) store(c *gin.Context, pub *publication, r publishing, file io.Reader) error {
	size := r.body.size
	if text, ok := file.(interface{ Len() int }); ok { // a text that is too long for one
		size = int64(text.Len())
	}
	if err := f.checkUpload(pub, size); err != nil {
		return err
	}
	var err error
	pub.Upload, pub.Details.Attachment, err = f.upload(c, pub.filename, file, size, r.who)
	return err
}

// discard removes the file of a publication that was refused.
func (f *Face) discard(pub *publication) {
	if pub.Upload != nil {
		f.Broker.Discard(pub.Upload)
	}
}

// publishDraft counts the message and publishes it.
func (f *Face) publishDraft(ctx context.Context, v *visitor, r publishing, pub *publication) (*model.Message, error) {
	d, err := pub.draft()
	if err != nil {
		return nil, err
	}
	if err := v.message(); err != nil {
		return nil, err
	}
	return f.Broker.PublishTopic(ctx, r.who, r.topic, d)
}

// tell writes an event as the line that streams carry.
func tell(c *gin.Context, e *model.Event) error {
	c.Data(http.StatusOK, "application/json", append(eventJSON(e), '\n'))
	return nil
}

// deleteSequence tells everybody that a message is gone, and cancels it when it was
// still waiting.
func (f *Face) deleteSequence(c *gin.Context) error {
	return f.notice(c, f.Broker.DeleteSequence)
}

// clearSequence tells everybody that a message was read.
func (f *Face) clearSequence(c *gin.Context) error {
	return f.notice(c, f.Broker.ClearSequence)
}

// notice makes news about a message. It counts as a message.
func (f *Face) notice(c *gin.Context, verb func(context.Context, *model.Identity, string, string) (*model.Notice, error)) error {
	who, err := f.identify(c)
	if err != nil {
		return err
	}
	ctx, topic := c.Request.Context(), c.Param("topic")
	if err := f.Broker.MayPublish(ctx, who, topic); err != nil {
		return err
	}
	if err := f.visit(c, who).message(); err != nil {
		return err
	}
	n, err := verb(ctx, who, topic, c.Param("sequence"))
	if err != nil {
		return err
	}
	return tell(c, model.Noticed(n))
}

// unifiedPush tells programs that look for a place to push to that this is one.
func (f *Face) unifiedPush(c *gin.Context) error {
	c.Data(http.StatusOK, "application/json", []byte(`{"unifiedpush":{"version":1}}`+"\n"))
	return nil
}
