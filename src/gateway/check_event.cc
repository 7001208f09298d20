#include "gateway/check_event.h"

#include "event/event_parser.h"
#include "event/object_reader.h"
#include "gateway/exchange.h"

namespace octolake::gateway {

std::string CheckEvent(event::JsonIndex& json, std::string_view body) {
  if (body.find_first_not_of(" \t\r\n") == std::string_view::npos) return "the body is empty";
  const event::JsonProblem problem = json.Parse(body);
  if (problem) return event::DescribeProblem(problem, kMaxJsonDepth);
  if (!json.root().IsObject()) return event::kNotAnObject;
  if (json.only_root()) return "";
  return "invalid JSON at byte " + std::to_string(json.root_end()) +
         ": expected the end of the event (several go to /collect/batch)";
}

}  // namespace octolake::gateway
