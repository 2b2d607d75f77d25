#include "lib/net/login_protocol.h"

#include "lib/core/ascii.h"

namespace postern {

std::optional<LoginOffer> login_offer(char letter) {
  for (LoginOffer const offer : {LoginOffer::scram, LoginOffer::passwords, LoginOffer::binding})
    if (letter == static_cast<char>(offer)) return offer;
  return std::nullopt;
}

std::string_view sasl_mechanisms(LoginOffer offer) {
  switch (offer) {
    case LoginOffer::binding:
      return "SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN";
    case LoginOffer::passwords:
      return "SCRAM-SHA-256 PLAIN LOGIN";
    case LoginOffer::scram:
      break;
  }
  return "SCRAM-SHA-256";
}

std::string LoginRequest::encoded() const {
  std::string message = service;
  message.resize(login_service_most, ' ');
  message += ticket;
  message.resize(login_service_most + ticket_length, '0');
  message += is_utf8 ? 'u' : '-';
  return message += static_cast<char>(offer);
}

Result<LoginRequest> LoginRequest::parse(Wire message) {
  std::string_view const text = message.bytes();
  if (text.size() != login_request_size) return permanent("login request: not of its size");
  std::string_view const padded = text.substr(0, login_service_most);
  std::string_view const service = padded.substr(0, padded.find(' '));
  std::string_view const ticket = text.substr(login_service_most, ticket_length);
  if (service.empty() || padded.find_first_not_of(' ', service.size()) != std::string_view::npos)
    return permanent("login request: no service");
  for (char const c : service)
    if (!is_lower(c) && !is_digit(c)) return permanent("login request: no service");
  for (char const c : ticket)
    if (!is_hex_digit(c)) return permanent("login request: no ticket");
  char const option = text[login_service_most + ticket_length];
  auto const offer = login_offer(text.back());
  if ((option != 'u' && option != '-') || !offer) return permanent("login request: no such option");
  return LoginRequest{std::string{service}, std::string{ticket}, option == 'u', *offer};
}

}  // namespace postern
