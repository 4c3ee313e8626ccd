// The table. A row: path, kind with its range, need, default in words, help, place in
// core::Release.
#include "spec/fields.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace linnet::spec {
namespace {

using core::Release;

// Sections: where the struct of a row is, or null when the release is of another kind.
constexpr auto release = [](auto& r, std::size_t) { return &r; };
constexpr auto process = [](auto& r, std::size_t) {
  return std::get_if<core::ProcessWorkload>(&r.workload);
};
constexpr auto deployments = [](auto& r, std::size_t) {
  return std::get_if<core::DeploymentsWorkload>(&r.workload);
};
constexpr auto nginx = [](auto& r, std::size_t) {
  return std::get_if<core::NginxTraffic>(&r.traffic);
};
constexpr auto recipe = [](auto& r, std::size_t) {
  return std::get_if<core::RecipeTraffic>(&r.traffic);
};
constexpr auto auth = [](auto& r, std::size_t) {
  return std::holds_alternative<std::monostate>(r.metrics.auth) ? nullptr : &r;
};
constexpr auto basic = [](auto& r, std::size_t) {
  return std::get_if<core::BasicAuth>(&r.metrics.auth);
};
constexpr auto bearer = [](auto& r, std::size_t) {
  return std::get_if<core::BearerAuth>(&r.metrics.auth);
};
constexpr auto oauth2 = [](auto& r, std::size_t) {
  return std::get_if<core::OAuth2Auth>(&r.metrics.auth);
};
constexpr auto sigv4 = [](auto& r, std::size_t) {
  return std::get_if<core::SigV4Auth>(&r.metrics.auth);
};
constexpr auto tls = [](auto& r, std::size_t) {
  return r.metrics.tls == core::MetricsTls() ? nullptr : &r.metrics.tls;
};
constexpr auto step = [](auto& r, std::size_t i) { return &r.steps[i]; };
constexpr auto check = [](auto& r, std::size_t i) { return &r.checks[i]; };
constexpr auto error_rate = [](auto& r, std::size_t i) {
  return std::get_if<core::ErrorRateCheck>(&r.checks[i].rule);
};
constexpr auto latency = [](auto& r, std::size_t i) {
  return std::get_if<core::LatencyCheck>(&r.checks[i].rule);
};
constexpr auto health = [](auto& r, std::size_t i) {
  return std::get_if<core::HealthCheck>(&r.checks[i].rule);
};
constexpr auto gauge = [](auto& r, std::size_t i) {
  return std::get_if<core::GaugeCheck>(&r.checks[i].rule);
};
constexpr auto window = [](auto& r, std::size_t i) { return &r.windows[i]; };
constexpr auto freeze = [](auto& r, std::size_t i) { return &r.freezes[i]; };
constexpr auto webhook = [](auto& r, std::size_t i) { return &r.notify[i]; };

constexpr auto nothing = [](Release&, std::size_t) {};
template <class Alternative>
constexpr auto choose_workload = [](Release& r, std::size_t) { r.workload = Alternative(); };
template <class Alternative>
constexpr auto choose_traffic = [](Release& r, std::size_t) { r.traffic = Alternative(); };
template <class Alternative>
constexpr auto choose_auth = [](Release& r, std::size_t) { r.metrics.auth = Alternative(); };
template <class Alternative>
constexpr auto choose_rule = [](Release& r, std::size_t i) { r.checks[i].rule = Alternative(); };

// Kinds.
Kind text(const Format& format) { return {Type::text, 0, 0, {}, &format}; }
Kind word(std::vector<std::string_view> words) { return {Type::word, 0, 0, std::move(words)}; }
Kind integer(double min, double max) { return {Type::integer, min, max}; }
Kind number(double min, double max) { return {Type::number, min, max}; }
Kind percent(double min, double max) { return {Type::percent, min * 1e4, max * 1e4}; }
Kind duration(Duration min, Duration max) {
  return {Type::duration, static_cast<double>(min.count()), static_cast<double>(max.count())};
}
Kind texts(double min, double max, const Format& format) {
  return {Type::texts, min, max, {}, &format};
}
Kind objects(double min, double max) { return {Type::objects, min, max}; }
const Kind object_kind{Type::object};
const Kind flag{Type::flag};

constexpr auto optional = Need::optional;
constexpr auto required = Need::required;
constexpr auto choice = Need::choice;

// Members whose form in YAML is not the one in memory.
Access constant(std::string_view text) {
  return {[](Release&, std::size_t, const Value&) {},
          [text](const Release&, std::size_t) { return Value(std::string(text)); }};
}

Access sticky() {
  using core::Sticky;
  return custom(
      nginx,
      [](const core::NginxTraffic& traffic) -> Value {
        switch (traffic.sticky.by) {
          case Sticky::By::none: return std::string("none");
          case Sticky::By::client_address: return std::string("client_address");
          case Sticky::By::cookie: break;
        }
        return "cookie " + traffic.sticky.cookie;
      },
      [](core::NginxTraffic& traffic, Value value) {
        const auto& written = std::get<std::string>(value);
        if (written == "none")
          traffic.sticky = {};
        else if (written == "client_address")
          traffic.sticky = {Sticky::By::client_address, ""};
        else
          traffic.sticky = {Sticky::By::cookie, written.substr(written.find(' ') + 1)};
      });
}

Access listen() {
  return custom(
      nginx, [](const core::NginxTraffic& traffic) -> Value { return traffic.listen; },
      [](core::NginxTraffic& traffic, Value value) {
        traffic.listen = parse_listen(std::get<std::string>(value)).value_or(traffic.listen);
      });
}

// Naming a router chooses the recipe kind of traffic.
Access router() {
  return {[](Release& r, std::size_t, Value value) {
            r.traffic = core::RecipeTraffic{std::get<std::string>(std::move(value)), {}};
          },
          at(recipe, &core::RecipeTraffic::router).get};
}

// Not written while it is empty, since one machine knows nothing of it.
template <class Member>
Access of_metrics(Member member) {
  return custom([](auto& r, std::size_t) { return &r.metrics; },
                [member](const core::Metrics& metrics) -> Value {
                  return (metrics.*member).empty() ? Value() : detail::to_value(metrics.*member);
                },
                [member](core::Metrics& metrics, Value value) {
                  detail::from_value(metrics.*member, std::move(value));
                });
}

template <class Member>
Access of_tls(Member member) {
  return {[member](Release& r, std::size_t, Value value) {
            detail::from_value(r.metrics.tls.*member, std::move(value));
          },
          at(tls, member).get};
}

Access quantile() {
  return custom(
      latency, [](const core::LatencyCheck& rule) -> Value { return rule.quantile.fraction(); },
      [](core::LatencyCheck& rule, Value value) {
        rule.quantile =
            Percent::from_ppm(static_cast<std::int32_t>(std::get<double>(value) * 1e6 + 0.5));
      });
}

Access gauge_limit() {
  return custom(
      gauge,
      [](const core::GaugeCheck& rule) -> Value {
        return rule.limit_mib > 0 ? Value(mib_text(rule.limit_mib)) : Value();
      },
      [](core::GaugeCheck& rule, Value value) {
        rule.limit_mib = parse_mib(std::get<std::string>(value)).value_or(0);
      });
}

Access days() {
  return custom(
      window, [](const core::Window& w) -> Value { return days_text(w.days); },
      [](core::Window& w, Value value) {
        w.days = parse_days(std::get<std::string>(value)).value_or(w.days);
      });
}

Access clock(int core::Window::*minute) {
  return custom(
      window, [minute](const core::Window& w) -> Value { return clock_text(w.*minute); },
      [minute](core::Window& w, Value value) {
        w.*minute = parse_clock(std::get<std::string>(value)).value_or(w.*minute);
      });
}

std::vector<Field> header_rows() {
  return {
      {"apiVersion", word({"linnet.dev/v1alpha1"}), optional, "", "version of this format",
       constant("linnet.dev/v1alpha1")},
      {"kind", word({"Release"}), optional, "", "what the document describes", constant("Release")},
      {"metadata", object_kind, required, "", "who the release is", object(release, nothing)},
      {"metadata.name", text(name_text), required, "",
       "the release's name: in commands, paths and metrics", at(release, &Release::name)},
      {"metadata.namespace", text(namespace_text), optional, "",
       "Kubernetes namespace; empty: the context's", at(release, &Release::name_space)},
      {"spec", object_kind, required, "", "how it is rolled out", object(release, nothing)},
      {"spec.version", text(version_text), optional, "",
       "what `init` starts with, when no --version says otherwise", at(release, &Release::version)},
  };
}

std::vector<Field> process_rows() {
  using core::HealthProbe, core::ProcessWorkload, core::StopRule;
  return {
      {"spec.workload", object_kind, required, "", "what runs: processes here or Deployments",
       object(release, nothing)},
      {"spec.workload.process", object_kind, choice, "", "processes on this machine, run by linnet",
       object(process, choose_workload<ProcessWorkload>)},
      {"spec.workload.process.command", texts(1, 256, argument), required, "",
       "program and arguments; {{version}} and {{port}} are replaced, no shell is used",
       at(process, &ProcessWorkload::command)},
      {"spec.workload.process.env",
       {Type::text_map, 0, 256, {}, &argument},
       optional,
       "",
       "environment of the process; {{version}} and {{port}} are replaced",
       at(process, &ProcessWorkload::env)},
      {"spec.workload.process.directory", text(absolute_path), optional, "",
       "working directory; empty: one of linnet's own for this release",
       at(process, &ProcessWorkload::directory)},
      {"spec.workload.process.replicas", integer(1, 100), optional, "",
       "processes of stable; the canary's follow its weight",
       at(process, &ProcessWorkload::replicas)},
      {"spec.workload.process.first_port", integer(0, 65000), optional, "",
       "first of the loopback ports the replicas get (from 1024); 0: chosen once and kept",
       at(process, &ProcessWorkload::first_port)},
      {"spec.workload.process.health", object_kind, optional, "",
       "how an instance is known to be ready", object(process, nothing)},
      {"spec.workload.process.health.path", text(url_path), optional, "",
       "HTTP GET on the instance; 200 to 399 is healthy",
       at(process, &ProcessWorkload::health, &HealthProbe::path)},
      {"spec.workload.process.health.every", duration(100ms, 10min), optional, "",
       "time between probes", at(process, &ProcessWorkload::health, &HealthProbe::every)},
      {"spec.workload.process.health.healthy_after", integer(1, 100), optional, "",
       "successes in a row before an instance is ready",
       at(process, &ProcessWorkload::health, &HealthProbe::healthy_after)},
      {"spec.workload.process.health.unhealthy_after", integer(1, 100), optional, "",
       "failures in a row before a ready instance is not",
       at(process, &ProcessWorkload::health, &HealthProbe::unhealthy_after)},
      {"spec.workload.process.health.startup", duration(100ms, 1h), optional, "",
       "an instance not ready by then has failed to start",
       at(process, &ProcessWorkload::health, &HealthProbe::startup)},
      {"spec.workload.process.stop", object_kind, optional, "", "how an instance is stopped",
       object(process, nothing)},
      {"spec.workload.process.stop.drain", duration(0ms, 1h), optional, "",
       "time without new requests before SIGTERM",
       at(process, &ProcessWorkload::stop, &StopRule::drain)},
      {"spec.workload.process.stop.kill_after", duration(100ms, 1h), optional, "",
       "time after SIGTERM before SIGKILL",
       at(process, &ProcessWorkload::stop, &StopRule::kill_after)},
  };
}

std::vector<Field> cluster_and_traffic_rows() {
  using core::DeploymentsWorkload, core::Metrics, core::NginxTraffic, core::RecipeTraffic;
  return {
      {"spec.workload.deployments", object_kind, choice, "", "a pair of Kubernetes Deployments",
       object(deployments, choose_workload<DeploymentsWorkload>)},
      {"spec.workload.deployments.stable", text(object_name), optional, "NAME-stable",
       "Deployment of the production version", at(deployments, &DeploymentsWorkload::stable)},
      {"spec.workload.deployments.canary", text(object_name), optional, "NAME-canary",
       "Deployment of the new version", at(deployments, &DeploymentsWorkload::canary)},
      {"spec.workload.deployments.container", text(name_text), optional, "NAME",
       "container whose image is changed", at(deployments, &DeploymentsWorkload::container)},
      {"spec.workload.deployments.image", text(image_text), required, "",
       "image of a version; {{version}} is replaced", at(deployments, &DeploymentsWorkload::image)},
      {"spec.workload.deployments.replicas", integer(1, 1000), optional, "",
       "of stable when `init` creates it; later they are its owner's or autoscaler's matter",
       at(deployments, &DeploymentsWorkload::replicas)},
      {"spec.workload.deployments.port", integer(1, 65535), optional, "traffic.with.port, or 8080",
       "port of container and Services when `init` creates them",
       at(deployments, &DeploymentsWorkload::port)},
      {"spec.workload.deployments.health", text(url_path), optional, "",
       "HTTP GET of the probes when `init` creates the Deployments",
       at(deployments, &DeploymentsWorkload::health)},
      {"spec.workload.deployments.host", text(host_text), optional, "none: no Ingress is created",
       "host of the main Ingress when `init` creates it",
       at(deployments, &DeploymentsWorkload::host)},
      {"spec.traffic", object_kind, optional, "nginx for processes, ingress-nginx for Deployments",
       "what splits the requests between stable and canary", object(release, nothing)},
      {"spec.traffic.nginx", object_kind, choice, "", "NGINX on this machine",
       object(nginx, choose_traffic<NginxTraffic>)},
      {"spec.traffic.nginx.listen", text(listen_address), optional, "",
       "where the users' requests arrive; a port alone means 127.0.0.1", listen()},
      {"spec.traffic.nginx.sticky", text(sticky_rule), optional, "",
       "keeps a user on one version: by a cookie that the service sets, or by address", sticky()},
      {"spec.traffic.nginx.include", text(include_path), optional, "",
       "file that an existing NGINX includes; empty: linnet runs an NGINX of its own",
       at(nginx, &NginxTraffic::include)},
      {"spec.traffic.router", text(recipe_name), choice, "ingress-nginx with Deployments",
       "a router's recipe: recipes/routers/NAME.yaml", router()},
      {"spec.traffic.with",
       {Type::parameters, 0, 64, {}, &parameter},
       optional,
       "for ingress-nginx: names made from NAME",
       "the recipe's parameters, each a text or a list",
       at(recipe, &RecipeTraffic::with)},
      {"spec.metrics", object_kind, optional, "", "where the counts of requests come from",
       object(release, nothing)},
      {"spec.metrics.source", text(recipe_name), optional,
       "access_log; prometheus with Deployments",
       "access_log (NGINX here), prometheus, scrape, or a recipe of another store",
       at(release, &Release::metrics, &Metrics::source)},
      {"spec.metrics.recipe", text(recipe_name), optional, "the router's name with Deployments",
       "which queries to ask: recipes/metrics/NAME.yaml",
       at(release, &Release::metrics, &Metrics::recipe)},
      {"spec.metrics.address", text(web_url), optional,
       "http://prometheus.monitoring:9090 with Deployments",
       "URL of the metrics server; scrape has none, others the recipe's",
       at(release, &Release::metrics, &Metrics::address)},
  };
}

std::vector<Field> metrics_access_rows() {
  using core::BasicAuth, core::BearerAuth, core::OAuth2Auth, core::SigV4Auth;
  using core::Metrics, core::MetricsTls;
  return {
      {"spec.metrics.with",
       {Type::parameters, 0, 64, {}, &parameter},
       optional,
       "",
       "the metrics recipe's parameters that are not among traffic.with",
       of_metrics(&Metrics::with)},
      {"spec.metrics.auth", object_kind, optional, "none", "how the metrics server knows us",
       object(auth, nothing)},
      {"spec.metrics.auth.basic", object_kind, choice, "", "a name and a password",
       object(basic, choose_auth<BasicAuth>)},
      {"spec.metrics.auth.basic.username", text(any_text), required, "", "the name",
       at(basic, &BasicAuth::username)},
      {"spec.metrics.auth.basic.password", text(secret_place), required, "",
       "where the password stands", at(basic, &BasicAuth::password)},
      {"spec.metrics.auth.bearer", object_kind, choice, "", "a token in the header Authorization",
       object(bearer, choose_auth<BearerAuth>)},
      {"spec.metrics.auth.bearer.token", text(secret_place), required, "",
       "where the token stands; a file is read anew each time", at(bearer, &BearerAuth::token)},
      {"spec.metrics.auth.oauth2", object_kind, choice, "", "a token by client credentials",
       object(oauth2, choose_auth<OAuth2Auth>)},
      {"spec.metrics.auth.oauth2.token_url", text(web_url), required, "",
       "where the token comes from", at(oauth2, &OAuth2Auth::token_url)},
      {"spec.metrics.auth.oauth2.client_id", text(any_text), required, "", "who asks for it",
       at(oauth2, &OAuth2Auth::client_id)},
      {"spec.metrics.auth.oauth2.client_secret", text(secret_place), required, "",
       "where the client's secret stands", at(oauth2, &OAuth2Auth::client_secret)},
      {"spec.metrics.auth.oauth2.scopes", texts(0, 32, any_text), optional, "",
       "what the token is for", at(oauth2, &OAuth2Auth::scopes)},
      {"spec.metrics.auth.sigv4", object_kind, choice, "", "AWS Signature Version 4",
       object(sigv4, choose_auth<SigV4Auth>)},
      {"spec.metrics.auth.sigv4.region", text(name_text), required, "", "like eu-central-1",
       at(sigv4, &SigV4Auth::region)},
      {"spec.metrics.auth.sigv4.service", text(name_text), optional, "",
       "aps: Managed Prometheus; monitoring: CloudWatch", at(sigv4, &SigV4Auth::service)},
      {"spec.metrics.auth.sigv4.access_key", text(secret_place), required, "",
       "where the access key's id stands", at(sigv4, &SigV4Auth::access_key)},
      {"spec.metrics.auth.sigv4.secret_key", text(secret_place), required, "",
       "where the secret access key stands", at(sigv4, &SigV4Auth::secret_key)},
      {"spec.metrics.auth.sigv4.session_token", text(secret_place), optional, "",
       "where the token of a temporary key stands", at(sigv4, &SigV4Auth::session_token)},
      {"spec.metrics.headers", texts(0, 16, header_line), optional, "",
       "further headers of each request; a value may be env:NAME or file:/PATH",
       of_metrics(&Metrics::headers)},
      {"spec.metrics.tls", object_kind, optional, "", "how an https address is trusted",
       object(tls, nothing)},
      {"spec.metrics.tls.ca_file", text(absolute_path), optional, "the system's",
       "certificates that are trusted", of_tls(&MetricsTls::ca_file)},
      {"spec.metrics.tls.certificate_file", text(absolute_path), optional, "",
       "our own certificate", of_tls(&MetricsTls::certificate_file)},
      {"spec.metrics.tls.key_file", text(absolute_path), optional, "", "and its key",
       of_tls(&MetricsTls::key_file)},
      {"spec.metrics.tls.verify", flag, optional, "true",
       "false: neither chain nor name is checked; for test set-ups", of_tls(&MetricsTls::verify)},
  };
}

std::vector<Field> judging_rows() {
  using core::Check, core::Step, core::NoData, core::Analysis;
  return {
      {"spec.steps", objects(1, 100), optional, "5%, 25%, 50%, 100%, each 60s",
       "shares of the traffic and how long each is watched", list(&Release::steps)},
      {"spec.steps[].weight", percent(0.1, 100), required, "",
       "the canary's share, in steps of 0.1%, growing from step to step", at(step, &Step::weight)},
      {"spec.steps[].hold", duration(100ms, 168h), optional, "",
       "how long the share is held and watched", at(step, &Step::hold)},
      {"spec.checks", objects(1, 32), optional, "error_rate, latency and health",
       "the rules a canary must keep", list(&Release::checks)},
      {"spec.checks[].name", text(check_name), optional,
       "error_rate, latency_p95, health, memory, cpu",
       "what status and history call the check; unique", at(check, &Check::name)},
      {"spec.checks[].min_requests", integer(0, 1e9), optional, "the release's",
       "requests before the plain rule may speak on this check", at(check, &Check::min_requests)},
      {"spec.checks[].error_rate", object_kind, choice, "", "share of answers with status 5xx",
       object(error_rate, choose_rule<core::ErrorRateCheck>)},
      {"spec.checks[].error_rate.limit", percent(0.0001, 99.9999), optional, "",
       "above this the canary is taken back", at(error_rate, &core::ErrorRateCheck::limit)},
      {"spec.checks[].latency", object_kind, choice, "", "a quantile of the response times",
       object(latency, choose_rule<core::LatencyCheck>)},
      {"spec.checks[].latency.quantile", number(0.5, 0.9999), optional, "",
       "which quantile: 0.95 is the time that 95% of the requests stay below", quantile()},
      {"spec.checks[].latency.limit", duration(1ms, 10min), optional, "",
       "above this the canary is taken back", at(latency, &core::LatencyCheck::limit)},
      {"spec.checks[].health", object_kind, choice, "", "readiness, restarts and crash loops",
       object(health, choose_rule<core::HealthCheck>)},
      {"spec.checks[].health.restarts", integer(0, 1000), optional, "",
       "restarts of canary instances in one rollout that are accepted",
       at(health, &core::HealthCheck::restarts)},
      {"spec.checks[].gauge", object_kind, choice, "",
       "memory or CPU of the canary beside stable's, on one machine; sampled, so mostly advice",
       object(gauge, choose_rule<core::GaugeCheck>)},
      {"spec.checks[].gauge.of", word({"memory", "cpu"}), optional, "",
       "resident memory of an instance, or CPU time of a request",
       at(gauge, &core::GaugeCheck::of)},
      {"spec.checks[].gauge.limit", text(memory_size), optional, "none",
       "memory of one instance; a plain rule at a step's end", gauge_limit()},
      {"spec.checks[].gauge.advisory", flag, optional, "",
       "only warn; false needs a limit, above which the canary is taken back",
       at(gauge, &core::GaugeCheck::advisory)},
      {"spec.min_requests", integer(0, 1e9), optional, "",
       "requests in a step before the plain rule may speak", at(release, &Release::min_requests)},
      {"spec.no_data", object_kind, optional, "", "what happens when there are no measurements",
       object(release, nothing)},
      {"spec.no_data.hold", duration(100ms, 168h), optional, "", "how long a step waits for data",
       at(release, &Release::no_data, &NoData::hold)},
      {"spec.no_data.then", word({"rollback", "hold"}), optional, "",
       "what follows; never an advance", at(release, &Release::no_data, &NoData::then)},
      {"spec.progress", duration(1s, 24h), optional, "", "a canary not ready by then is taken back",
       at(release, &Release::progress)},
      {"spec.analysis", object_kind, optional, "", "how evidence is weighed",
       object(release, nothing)},
      {"spec.analysis.false_alarm", number(1e-6, 0.5), optional, "",
       "probability that a good canary is taken back, per rollout",
       at(release, &Release::analysis, &Analysis::false_alarm)},
      {"spec.analysis.missed", number(1e-6, 0.5), optional, "",
       "probability that a bad canary passes early; for early_pass and decision: evidence",
       at(release, &Release::analysis, &Analysis::missed)},
      {"spec.analysis.early_fail", flag, optional, "", "take back as soon as the evidence suffices",
       at(release, &Release::analysis, &Analysis::early_fail)},
      {"spec.analysis.early_pass", flag, optional, "",
       "end a step as soon as the evidence suffices",
       at(release, &Release::analysis, &Analysis::early_pass)},
      {"spec.analysis.decision", word({"plain", "evidence"}), optional, "",
       "plain: the measured value against its limit at a step's end; evidence: only what is proven",
       at(release, &Release::analysis, &Analysis::decision)},
      {"spec.analysis.compare", word({"off", "warn", "rollback"}), optional, "",
       "what to do when the canary is worse than stable, though within its limits",
       at(release, &Release::analysis, &Analysis::compare)},
      {"spec.analysis.tolerance", number(1, 100), optional, "",
       "odds ratio against stable that is still accepted",
       at(release, &Release::analysis, &Analysis::tolerance)},
  };
}

std::vector<Field> ending_rows() {
  using core::Freeze, core::Webhook, core::Window;
  return {
      {"spec.promotion", word({"ask", "automatic"}), optional, "", "what follows the last step",
       at(release, &Release::promotion)},
      {"spec.on_failure", word({"rollback", "hold"}), optional, "",
       "what follows a failed check; hold keeps the weight and calls for a person",
       at(release, &Release::on_failure)},
      {"spec.turn", duration(100ms, 60s), optional, "", "how often a running rollout is judged",
       at(release, &Release::turn)},
      {"spec.windows", objects(0, 32), optional, "none: always",
       "releases start only inside one of these", list(&Release::windows)},
      {"spec.windows[].days",
       {Type::days, 1, 7, {}, &day_set},
       optional,
       "",
       "days of the week",
       days()},
      {"spec.windows[].from", text(clock_time), optional, "", "first minute",
       clock(&Window::from_minute)},
      {"spec.windows[].to", text(clock_time), optional, "",
       "minute after the last; earlier than `from`: over midnight", clock(&Window::to_minute)},
      {"spec.windows[].zone", text(zone_name), optional, "", "time zone of both",
       at(window, &Window::zone)},
      {"spec.freezes", objects(0, 128), optional, "none", "no release starts on these days (UTC)",
       list(&Release::freezes)},
      {"spec.freezes[].from", text(date_text), required, "", "first day",
       at(freeze, &Freeze::from)},
      {"spec.freezes[].to", text(date_text), optional, "the first day", "last day, included",
       at(freeze, &Freeze::to)},
      {"spec.freezes[].why", text(any_text), optional, "", "shown to who is refused",
       at(freeze, &Freeze::why)},
      {"spec.notify", objects(0, 32), optional, "none", "who is told", list(&Release::notify)},
      {"spec.notify[].webhook", object_kind, required, "", "a JSON POST", object(webhook, nothing)},
      {"spec.notify[].webhook.url", text(web_url), required, "", "where to; treated as a secret",
       at(webhook, &Webhook::url)},
      {"spec.notify[].webhook.format", word({"json", "slack"}), optional, "", "form of the message",
       at(webhook, &Webhook::format)},
      {"spec.notify[].webhook.on",
       {Type::words,
        0,
        16,
        {"started", "step", "waiting", "paused", "promoted", "rolled_back", "failed"}},
       optional,
       "[]: all",
       "which events are told",
       at(webhook, &Webhook::on)},
  };
}

std::string_view parent_of(std::string_view path) {
  const std::size_t dot = path.rfind('.');
  return dot == std::string_view::npos ? std::string_view() : path.substr(0, dot);
}

}  // namespace

std::string_view Field::key() const {
  const std::size_t dot = path.rfind('.');
  return dot == std::string_view::npos ? path : path.substr(dot + 1);
}

std::span<const Field> fields() {
  static const std::vector<Field> table = [] {
    std::vector<Field> all;
    for (auto* rows : {header_rows, process_rows, cluster_and_traffic_rows, metrics_access_rows,
                       judging_rows, ending_rows})
      for (Field& row : rows()) all.push_back(std::move(row));
    return all;
  }();
  return table;
}

std::span<const Field* const> fields_under(std::string_view path) {
  static const auto under = [] {
    std::map<std::string_view, std::vector<const Field*>> map;
    for (const Field& field : fields()) map[parent_of(field.path)].push_back(&field);
    return map;
  }();
  const auto found = under.find(path);
  return found == under.end() ? std::span<const Field* const>() : found->second;
}

std::string inner_path(const Field& field) {
  return std::string(field.path) + (field.kind.type == Type::objects ? "[]" : "");
}

}  // namespace linnet::spec
