package ntfy

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/carillon-push/carillon/model"
)

// matrixBody is what is looked at of a notification of a Matrix server (Push
// Gateway API, POST /_matrix/push/v1/notify): the address to push to. As in ntfy,
// the first device counts.
type matrixBody struct {
	Notification struct {
		Devices []struct {
			PushKey string `json:"pushkey"`
		} `json:"devices"`
	} `json:"notification"`
}

// matrixAnswer names the push keys that the Matrix server is to forget for good.
type matrixAnswer struct {
	Rejected []string `json:"rejected"`
}

// matrixInfo tells UnifiedPush's programs that this is a gateway for Matrix.
func (f *Face) matrixInfo(c *gin.Context) error {
	c.Data(http.StatusOK, "application/json", []byte(`{"unifiedpush":{"gateway":"matrix"}}`+"\n"))
	return nil
}

// matrix publishes a notification, as it came, to the topic that its push key is
// the address of. A push key that is not one of ours is rejected.
func (f *Face) matrix(c *gin.Context) error {
	content, err := readSome(c.Request.Body, f.Limits.Message+1)
	switch {
	case err != nil:
		return err
	case len(content) > f.Limits.Message:
		return failuref(41302, "")
	}
	var told matrixBody
	if err := json.Unmarshal(content, &told); err != nil {
		return failuref(40019, "")
	}
	devices := told.Notification.Devices
	if len(devices) == 0 || devices[0].PushKey == "" {
		return failuref(40019, "a device with a pushkey is missing")
	}
	topic, ours := f.pushTopic(c, devices[0].PushKey)
	if !ours {
		return writeJSON(c, http.StatusOK, matrixAnswer{[]string{devices[0].PushKey}})
	}
	who, err := f.identify(c)
	if err != nil {
		return err
	}
	ctx := c.Request.Context()
	if err := f.Broker.MayPublish(ctx, who, topic); err != nil {
		return err
	}
	pub := &publication{Draft: model.Draft{Details: &model.Details{}}, push: true}
	if err := pub.takePush(body{Reader: bytes.NewReader(content), size: int64(len(content))}, f.Limits.Message); err != nil {
		return err
	}
	if _, err := f.publishDraft(ctx, f.visit(c, who), publishing{who: who, topic: topic}, pub); err != nil {
		return err
	}
	return writeJSON(c, http.StatusOK, matrixAnswer{[]string{}})
}

// pushTopic returns the topic that a push key is the address of. Where our own
// address is only known from the request, a proxy may have hidden the scheme.
func (f *Face) pushTopic(c *gin.Context, key string) (string, bool) {
	rest, ours := strings.CutPrefix(key, f.address(c)+"/")
	if !ours && f.BaseURL == nil {
		address, err := url.Parse(key)
		ours = err == nil && strings.EqualFold(address.Host, c.Request.Host) && (address.Scheme == "https" || address.Scheme == "http")
		if ours {
			rest = strings.TrimPrefix(address.Path, "/")
		}
	}
	topic, _, _ := strings.Cut(rest, "?")
	return topic, ours && f.checkTopic(topic) == nil
}
