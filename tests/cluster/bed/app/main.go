// The service that the cluster tests release: it answers with its version, counts what it answered
// as Prometheus wants it, and misbehaves as its image says (images.py) or as it is told while it
// runs: GET /ctl?fail=PERCENT&delay=MS&jitter=MS&ready=0|1&drain=MS&crash=1 changes this pod.
// `app pause` is the container that holds a pod's network: the bed needs no second image for that.
package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// What the environment may set; each is 0 or empty when it is not set.
//
//	VERSION            what it calls itself
//	FAIL_PCT           this share of the answers is a 500
//	FAIL_AFTER         after so many answers, all are
//	DELAY_MS JITTER_MS each answer takes that long, and up to so much more
//	START_MS           the port opens only then
//	CRASH_AFTER_MS     ends with exit code 3 so long after its start
//	NOT_READY          /health answers 503
//	DRAIN_MS           so long it serves on after SIGTERM; 0: it is gone at once, answering or not
//	PORT POD_NAME
var (
	version   = text("VERSION", "v0")
	pod       = text("POD_NAME", hostname())
	failPct   atomic.Uint64 // in 1/1000 %
	failAfter = uint64(number("FAIL_AFTER"))
	delayMS   atomic.Int64
	jitterMS  atomic.Int64
	drainMS   atomic.Int64
	ready     atomic.Bool
	inflight  atomic.Int64
	answered  atomic.Uint64

	bounds = []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5}

	mu       sync.Mutex // of what follows
	byStatus = map[int]uint64{}
	buckets  = make([]uint64, len(bounds)+1)
	seconds  float64
)

func text(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func number(name string) float64 {
	value, err := strconv.ParseFloat(text(name, "0"), 64)
	if err != nil {
		fmt.Printf("%s: %v\n", name, err)
		os.Exit(2)
	}
	return value
}

func hostname() string {
	name, _ := os.Hostname()
	return name
}

func observe(code int, took time.Duration) {
	s := took.Seconds()
	mu.Lock()
	defer mu.Unlock()
	byStatus[code]++
	seconds += s
	buckets[sort.SearchFloat64s(bounds, s)]++
}

func metrics(w http.ResponseWriter, _ *http.Request) {
	mu.Lock()
	defer mu.Unlock()
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	fmt.Fprintln(w, "# TYPE http_requests_total counter")
	for code, count := range byStatus {
		fmt.Fprintf(w, "http_requests_total{version=%q,status=\"%d\"} %d\n", version, code, count)
	}
	const name = "http_request_duration_seconds"
	fmt.Fprintf(w, "# TYPE %s histogram\n", name)
	var sum uint64
	for i, bound := range bounds {
		sum += buckets[i]
		fmt.Fprintf(w, "%s_bucket{version=%q,le=\"%g\"} %d\n", name, version, bound, sum)
	}
	sum += buckets[len(bounds)]
	fmt.Fprintf(w, "%s_bucket{version=%q,le=\"+Inf\"} %d\n", name, version, sum)
	fmt.Fprintf(w, "%s_sum{version=%q} %g\n", name, version, seconds)
	fmt.Fprintf(w, "%s_count{version=%q} %d\n", name, version, sum)
	fmt.Fprintln(w, "# TYPE http_inflight_requests gauge")
	fmt.Fprintf(w, "http_inflight_requests{version=%q} %d\n", version, inflight.Load())
}

func integer(query url.Values, name string, into *atomic.Int64) {
	if value, err := strconv.ParseInt(query.Get(name), 10, 64); err == nil {
		into.Store(value)
	}
}

func control(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	if value, err := strconv.ParseFloat(query.Get("fail"), 64); err == nil {
		failPct.Store(uint64(value * 1000))
	}
	integer(query, "delay", &delayMS)
	integer(query, "jitter", &jitterMS)
	integer(query, "drain", &drainMS)
	if value := query.Get("ready"); value != "" {
		ready.Store(value == "1")
	}
	if query.Get("crash") == "1" {
		os.Exit(3)
	}
	fmt.Fprintf(w, "version=%s fail=%g delay=%d jitter=%d ready=%v\n", version,
		float64(failPct.Load())/1000, delayMS.Load(), jitterMS.Load(), ready.Load())
}

func serve(w http.ResponseWriter, r *http.Request) {
	begin := time.Now()
	inflight.Add(1)
	defer inflight.Add(-1)
	wait := delayMS.Load()
	if jitter := jitterMS.Load(); jitter > 0 {
		wait += rand.Int64N(jitter)
	}
	if wait > 0 {
		time.Sleep(time.Duration(wait) * time.Millisecond)
	}
	count := answered.Add(1)
	code := http.StatusOK
	if rand.Uint64N(100_000) < failPct.Load() || (failAfter > 0 && count > failAfter) {
		code = http.StatusInternalServerError
	}
	w.Header().Set("X-Version", version)
	w.Header().Set("X-Pod", pod)
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
		_, _ = io.Copy(io.Discard, r.Body) // the message: an answer before it would reset the stream
		answerCall(w, code)
	} else {
		w.WriteHeader(code)
		fmt.Fprintf(w, "%s\n", version)
	}
	observe(code, time.Since(begin))
}

// A gRPC answer is 200 in any case, with an empty message in its frame; how it went follows it.
func answerCall(w http.ResponseWriter, code int) {
	status := "13" // INTERNAL
	w.Header().Set("Content-Type", "application/grpc")
	w.Header().Set("Trailer", "Grpc-Status")
	if code == http.StatusOK {
		status = "0"
		_, _ = w.Write(make([]byte, 5))
	}
	w.Header().Set("Grpc-Status", status)
}

func health(w http.ResponseWriter, _ *http.Request) {
	if !ready.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	fmt.Fprintln(w, version)
}

func main() {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM, syscall.SIGINT)
	if len(os.Args) > 1 && os.Args[1] == "pause" {
		<-ended
		return
	}
	failPct.Store(uint64(number("FAIL_PCT") * 1000))
	delayMS.Store(int64(number("DELAY_MS")))
	jitterMS.Store(int64(number("JITTER_MS")))
	drainMS.Store(int64(number("DRAIN_MS")))
	ready.Store(number("NOT_READY") == 0)
	if after := number("CRASH_AFTER_MS"); after > 0 {
		time.AfterFunc(time.Duration(after)*time.Millisecond, func() {
			fmt.Println("panic: this version always does that")
			os.Exit(3)
		})
	}
	time.Sleep(time.Duration(number("START_MS")) * time.Millisecond)

	mux := http.NewServeMux()
	mux.HandleFunc("/", serve)
	mux.HandleFunc("/metrics", metrics)
	mux.HandleFunc("/ctl", control)
	mux.HandleFunc("/health", health)
	server := &http.Server{Addr: ":" + text("PORT", "8080"), Handler: mux}
	server.Protocols = new(http.Protocols)
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true) // what gRPC speaks
	go func() {
		fmt.Println("listening", server.Addr, version)
		if err := server.ListenAndServe(); err != http.ErrServerClosed {
			fmt.Println(err)
			os.Exit(1)
		}
	}()
	<-ended
	drain := time.Duration(drainMS.Load()) * time.Millisecond
	fmt.Println("SIGTERM: ends in", drain)
	if drain == 0 {
		return
	}
	time.Sleep(drain)
	limited, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_ = server.Shutdown(limited)
}
