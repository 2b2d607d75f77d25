// settings - every control file: its default, its bounds, who reads it and when a change counts
//
// The one table. Programs ask for a setting by name at compile time, so a name that is not here does not compile;
// doc/settings.md is compared with it by a test.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

namespace postern {

// A string literal as a template argument.
template <std::size_t N>
struct Name {
  consteval Name(const char (&text)[N]) { std::copy_n(text, N, letters.begin()); }
  constexpr std::string_view view() const { return {letters.data(), N - 1}; }
  std::array<char, N> letters{};
};

enum class Kind : unsigned char { number, line, list };  // a list: a value a line; empty lines and # comments are skipped

struct Setting {
  std::string_view name;
  Kind kind;
  std::uint64_t value;   // of a number
  std::uint64_t least;
  std::uint64_t most;
  std::string_view missing;  // what counts when the file is missing, in words
  std::string_view readers;
  std::string_view counts;   // when a change counts
  std::string_view meaning;
};

inline constexpr std::string_view next_connection = "next connection";
inline constexpr std::string_view next_message = "next message";
inline constexpr std::string_view within_5_seconds = "within 5 seconds";
inline constexpr std::string_view next_delivery = "next delivery";
inline constexpr std::string_view next_connection_or_5_seconds = "next connection; queue-send: within 5 seconds";
inline constexpr std::uint64_t any_size = 1ull << 40;

inline constexpr Setting settings[] = {
    // names
    {"me", Kind::line, 0, 0, 0, "an error: every host has a name", "smtpd queue-inject queue-send bounce inject local-spawn remote pop3-login user domain authd", "next connection or message; queue-send: within 5 seconds; local-spawn: on restart; remote: when the next one starts", "this host's name: greeting, Received, bounces, names of files in Maildirs"},
    {"locals", Kind::list, 0, 0, 0, "me", "smtpd queue-send user domain authd", next_connection_or_5_seconds, "domains whose mail is for users of this host"},
    {"virtualdomains", Kind::list, 0, 0, 0, "none", "smtpd queue-send user domain authd", next_connection_or_5_seconds, "domain:prefix or user@domain:prefix; mail goes to the user prefix-localpart"},
    {"rcpthosts", Kind::list, 0, 0, 0, "locals and virtualdomains only", "smtpd queue-send authd user domain", next_connection_or_5_seconds, "further domains whose mail is taken from strangers (backup MX); .domain is every name below it"},
    // smtpd
    {"databytes", Kind::number, 64ull << 20, 0, any_size, "67108864", "smtpd", next_connection, "largest message in bytes; 0 is no limit"},
    {"maxrecipients", Kind::number, 1000, 100, 50'000, "1000", "smtpd", next_connection, "recipients of one message (RFC 5321 §4.5.3.1.8 asks for 100)"},
    {"maxheaderbytes", Kind::number, 256u << 10, 1024, 16u << 20, "262144", "smtpd inject", next_connection, "bytes of header"},
    {"maxlinebytes", Kind::number, 65'536, 998, 16u << 20, "65536", "smtpd", next_connection, "bytes of one line of a message, without CRLF"},
    {"maxbadcommands", Kind::number, 20, 1, 1000, "20", "smtpd", next_connection, "commands refused before the session is closed"},
    {"maxunknownrecipients", Kind::number, 20, 1, 50'000, "20", "smtpd", next_connection, "recipients that do not exist before the session is closed"},
    {"sessionseconds", Kind::number, 3600, 60, 86'400, "3600", "smtpd", next_connection, "length of one session"},
    {"transactionseconds", Kind::number, 1800, 60, 86'400, "1800", "smtpd", next_connection, "time from MAIL to the end of the message"},
    {"timeoutsmtpd", Kind::number, 300, 1, 3600, "300", "smtpd", next_connection, "seconds to wait for the client (RFC 5321 §4.5.3.2.7)"},
    {"maxhops", Kind::number, 100, 10, 1000, "100", "smtpd inject", next_connection, "Received lines before a message counts as looping"},
    {"barelf", Kind::line, 0, 0, 0, "refuse", "smtpd", next_connection, "refuse or mend: what becomes of a bare LF inside a message; it never ends one"},
    {"greetdelay", Kind::number, 0, 0, 60, "0", "smtpd", next_connection, "seconds before the greeting in which an early talker shows itself"},
    {"earlytalkers", Kind::line, 0, 0, 0, "log", "smtpd", next_connection, "log or refuse: what becomes of a client that talks before the greeting"},
    {"smtpgreeting", Kind::line, 0, 0, 0, "me and ESMTP", "smtpd", next_connection, "text behind 220; it begins with this host's name"},
    // smtpd, for those who log in
    {"sendas", Kind::list, 0, 0, 0, "own addresses only", "smtpd user", next_connection, "login:address, login:@domain or login:*, a line each: whose addresses a login may send as besides its own"},
    {"submissionclient", Kind::line, 0, 0, 0, "hide", "smtpd", next_connection, "hide or show: whether Received says from which address a message of somebody logged in came"},
    {"submissionmessageshour", Kind::number, 500, 0, 1'000'000, "500", "smtpd", next_connection, "messages of one login in an hour; 0 is no limit"},
    {"submissionmessagesday", Kind::number, 2000, 0, 10'000'000, "2000", "smtpd", next_connection, "and in a day"},
    {"submissionrecipientshour", Kind::number, 2000, 0, 10'000'000, "2000", "smtpd", next_connection, "recipients of one login's messages in an hour; 0 is no limit"},
    {"submissionrecipientsday", Kind::number, 5000, 0, 100'000'000, "5000", "smtpd", next_connection, "and in a day"},
    // queue-inject
    {"queuemin", Kind::number, 5, 0, 90, "5", "queue-inject", next_message, "per cent of bytes and inodes that must be free to take a message; twice as much for messages of local users"},
    // queue-send
    {"concurrencylocal", Kind::number, 20, 0, 1000, "20", "queue-send", within_5_seconds, "local deliveries at once; 0 halts them"},
    {"concurrencymailbox", Kind::number, 5, 1, 1000, "5", "queue-send", within_5_seconds, "deliveries to one mailbox at once"},
    {"concurrencyremote", Kind::number, 100, 0, 1000, "100", "queue-send", within_5_seconds, "deliveries to other hosts at once, each a connection; 0 halts them"},
    {"concurrencyperdomain", Kind::list, 0, 0, 0, "20", "queue-send", within_5_seconds, "connections to one destination of other hosts' mail at once, 1 to 1000: a number for all; domain:number, .domain:number (all below it) or relay:port:number for some"},
    {"rateperdomain", Kind::list, 0, 0, 0, "no limit", "queue-send", within_5_seconds, "messages a minute: domain:number, .domain:number (all below it together), relay:port:number; mx:host:number or mx:.name:number for all destinations whose MX host it is or is below that name"},
    {"queuelifetime", Kind::list, 0, 0, 0, "432000", "queue-send", within_5_seconds, "seconds until a message is given up, at most 5184000: a number for all; domain:number and the like, as above, for destinations of other hosts' mail"},
    {"delaynotice", Kind::number, 14'400, 0, 5'184'000, "14400", "queue-send", within_5_seconds, "seconds until a sender who asked for it is told of a delay; 0: never"},
    {"retryschedule", Kind::list, 0, 0, 0, "5 minutes, growing by half to 4 hours", "queue-send", within_5_seconds, "seconds between tries, a number a line, the last one repeats; or the word steady: every 15 minutes; domain:60 600 3600 or domain:steady, and .domain, for some destinations"},
    {"queuescan", Kind::number, 300, 1, 3600, "300", "queue-send", within_5_seconds, "seconds between looks for messages that nobody told of"},
    // remote delivery
    {"smtproutes", Kind::list, 0, 0, 0, "none: by MX records", "queue-send remote", "queue-send: within 5 seconds; a password: when the next remote starts", "domain:relay:port user password; .domain is every name below it, no domain all others, user@domain or @domain a sender; no relay: by MX"},
    {"tlspolicy", Kind::list, 0, 0, 0, "dane", "remote", "when the next remote starts", "none, may, encrypt, verify or dane: for all; domain:policy, .domain:policy (all below it) or relay:port:policy for some: whether mail goes over TLS, and what of the host's certificate is asked"},
    {"helohost", Kind::line, 0, 0, 0, "me", "remote", "when the next remote starts", "what this host calls itself towards others: a host name or an address literal"},
    {"outgoingip", Kind::list, 0, 0, 0, "as the kernel chooses", "remote", "when the next remote starts", "addresses to connect from: one of IPv4, one of IPv6"},
    {"smtpport", Kind::number, 25, 1, 65535, "25", "remote", "when the next remote starts", "port of MX hosts; a relay's stands in smtproutes"},
    {"cabundle", Kind::line, 0, 0, 0, "/etc/ssl/certs/ca-certificates.crt", "tlsd", "on restart of tlsc; it restarts each day", "file of the authorities' certificates by which other hosts' are verified"},
    {"timeoutconnect", Kind::number, 30, 1, 3600, "30", "remote", "when the next remote starts", "seconds to wait for a connection with one address"},
    {"timeoutremote", Kind::number, 0, 0, 3600, "0", "remote", "when the next remote starts", "seconds to wait for each answer; 0 is what RFC 5321 §4.5.3.2 says, 2 to 10 minutes"},
    // dnsqd
    {"dnsforward", Kind::list, 0, 0, 0, "none: dnsqd asks from the root servers on", "dnsqd", within_5_seconds, "resolvers to ask, address or address@port a line; or the word hosts: no server at all, only what /etc/hosts names exists"},
    {"dnsstub", Kind::list, 0, 0, 0, "none", "dnsqd", within_5_seconds, "a zone, a blank, and the address or address@port of a server that knows it; several lines for several servers"},
    {"dnsanchor", Kind::line, 0, 0, 0, "/usr/share/dns/root.key", "dnsqd", within_5_seconds, "DNSSEC trust anchors: a file of control/, a path, or the word none: nothing is validated"},
    // logins
    {"checkers", Kind::list, 0, 0, 0, "users/passwords alone", "authd check-spawn", "next login", "who else may know a password, asked in this order: *, @ (names without domain) or @domain, a blank, then a program with checkpassword's interface and its words, or shadow: the system's users"},
    {"trustedclients", Kind::list, 0, 0, 0, "none", "authd", "next login", "addresses, or networks as 192.0.2.0/24, whose wrong passwords slow nobody down: a webmail's host; loopback always is one"},
    // bounce, inject
    {"bouncefrom", Kind::line, 0, 0, 0, "MAILER-DAEMON", "bounce", next_message, "local part of the From line of bounces"},
    {"bouncehost", Kind::line, 0, 0, 0, "me", "bounce", next_message, "its domain"},
    {"bouncemaxbytes", Kind::number, 65'536, 0, any_size, "65536", "bounce", next_message, "bytes of the original that a bounce carries; of longer ones only the header"},
    {"doublebounceto", Kind::line, 0, 0, 0, "postmaster", "bounce", next_message, "local part of the address that hears of bounces that fail, or a whole address; an empty line: nobody does, and they are dropped with a line in the log"},
    {"doublebouncehost", Kind::line, 0, 0, 0, "me", "bounce", next_message, "its domain"},
    {"defaultdomain", Kind::line, 0, 0, 0, "me", "inject", next_message, "added to host names without a dot in header addresses"},
    {"defaulthost", Kind::line, 0, 0, 0, "me", "inject", next_message, "added to addresses without a host"},
    {"plusdomain", Kind::line, 0, 0, 0, "me", "inject", next_message, "put in place of the + that a host name in header addresses ends with"},
    {"idhost", Kind::line, 0, 0, 0, "me", "inject smtpd", "next message; smtpd: next connection", "right side of a Message-ID that inject makes, or smtpd for somebody logged in"},
};

// Never defined: a call to it in a constant expression is the compiler's message.
void setting_is_not_in_the_table();

consteval const Setting& setting_of(std::string_view name) {
  for (const Setting& setting : settings)
    if (setting.name == name) return setting;
  setting_is_not_in_the_table();
  return settings[0];
}

}  // namespace postern
