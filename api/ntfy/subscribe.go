package ntfy

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/carillon-push/carillon/api/stream"
	"github.com/carillon-push/carillon/broker"
	"github.com/carillon-push/carillon/hub"
	"github.com/carillon-push/carillon/model"
)

// wish is what somebody asks who subscribes.
type wish struct {
	// list is the topics as the path has them, and topics each of them once.
	list   string
	topics []string
	// poll asks for what is stored, and for an end after it.
	poll    bool
	options broker.SubscribeOptions
	// wanted is nil when all messages are.
	wanted func(*model.Event) bool
	format format
}

// readWish reads the parameters of a subscription.
func (f *Face) readWish(c *gin.Context, topics []string, as format) (wish, error) {
	p := newParameters(c.Request)
	w := wish{list: c.Param("topics"), topics: topics, poll: p.flag(false, "x-poll", "poll", "po"), format: as}
	w.options.Scheduled = p.flag(false, "x-scheduled", "scheduled", "sched")
	since := p.text("x-since", "since", "si")
	// A browser that connects again knows better than the page's address.
	if last := strings.TrimSpace(c.GetHeader("Last-Event-ID")); as == sseFormat && isKey(last) {
		since = last
	}
	var err error
	if w.options.Since, err = parseSince(since, w.poll, f.Now()); err != nil {
		return wish{}, err
	}
	wanted, err := parseFilter(p)
	w.wanted = wanted.function()
	return w, err
}

func (f *Face) subscribeJSON(c *gin.Context) error { return f.subscribeChunked(c, jsonFormat) }
func (f *Face) subscribeSSE(c *gin.Context) error  { return f.subscribeChunked(c, sseFormat) }
func (f *Face) subscribeRaw(c *gin.Context) error  { return f.subscribeChunked(c, rawFormat) }

// subscribeChunked answers with a stream that lasts until somebody ends it, or with
// what is stored.
func (f *Face) subscribeChunked(c *gin.Context, as format) error {
	who, topics, err := f.reader(c)
	if err != nil {
		return err
	}
	release, err := f.visit(c, who).open()
	if err != nil {
		return err
	}
	defer release()
	w, err := f.readWish(c, topics, as)
	if err != nil {
		return err
	}
	subscription, replay, err := f.open(c, who, w)
	if err != nil {
		return err
	}
	// Proxies are asked to hand on each line when it comes, and to keep none.
	h := c.Writer.Header()
	h.Set("Content-Type", as.contentType())
	h.Set("Cache-Control", "no-cache")
	h.Set("X-Accel-Buffering", "no")
	if err := f.Pumps.Chunked(c.Writer, c.Request, f.stream(w, subscription, replay)); err != nil {
		h.Del("Content-Type") // nothing was written, and the refusal is of another type
		return err
	}
	return nil
}

// subscribeWebSocket upgrades to a stream. The visitor's place is given back when
// the stream has ended, long after this request.
func (f *Face) subscribeWebSocket(c *gin.Context) error {
	who, topics, err := f.reader(c)
	if err != nil {
		return err
	}
	if !isUpgrade(c.Request) {
		return failuref(40016, "")
	}
	release, err := f.visit(c, who).open()
	if err != nil {
		return err
	}
	w, err := f.readWish(c, topics, jsonFormat)
	if err != nil {
		release()
		return err
	}
	subscription, replay, err := f.open(c, who, w)
	if err != nil {
		release()
		return err
	}
	go func() {
		<-subscription.Done()
		release()
	}()
	return f.Pumps.WebSocket(c.Writer, c.Request, f.stream(w, subscription, replay))
}

// open opens what a stream carries.
func (f *Face) open(c *gin.Context, who *model.Identity, w wish) (*hub.Subscription, broker.Replay, error) {
	if w.poll {
		return f.Broker.PollTopics(c.Request.Context(), who, w.topics, w.options)
	}
	return f.Broker.SubscribeTopics(c.Request.Context(), who, w.topics, w.options)
}

// mayRead answers who asks whether they may read the topics, as apps do before they
// keep a name and password.
func (f *Face) mayRead(c *gin.Context) error {
	who, topics, err := f.reader(c)
	if err != nil {
		return err
	}
	if err := f.Broker.MaySubscribe(c.Request.Context(), who, topics); err != nil {
		return err
	}
	c.Data(http.StatusOK, "application/json", []byte(`{"success":true}`+"\n"))
	return nil
}

// reader returns who asks, and for which topics.
func (f *Face) reader(c *gin.Context) (*model.Identity, []string, error) {
	topics, err := f.topics(c.Param("topics"))
	if err != nil {
		return nil, nil, err
	}
	who, err := f.identify(c)
	return who, topics, err
}

func isUpgrade(r *http.Request) bool {
	return strings.EqualFold(strings.TrimSpace(r.Header.Get("Upgrade")), "websocket")
}

// stream is what the pumps need to know. A poll has neither a sign at its start nor
// anything live.
//
// There are no close frames: ntfy's app for Android would take one for the end of
// its wish to listen, and connects again when the connection just ends.
func (f *Face) stream(w wish, s *hub.Subscription, replay broker.Replay) stream.Stream {
	result := stream.Stream{
		Subscription: s, Replay: stream.Replay(replay), Encoder: w.format, Filter: w.wanted, Once: w.poll, Ping: f.KeepAlive,
	}
	if !w.poll {
		result.Hello = w.format.sign(openEvent, w.list, f.Now())
		result.KeepAlive = func() []byte { return w.format.sign(keepaliveEvent, w.list, f.Now()) }
	}
	return result
}
