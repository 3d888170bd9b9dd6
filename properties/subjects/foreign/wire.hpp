#pragma once
/// What the frames say: capabilities, single calls and their replies, and, between bncheck and a `bncheck
/// serve`, whole cases and their outcomes. PROTOCOL.md tells it to the authors of other programs.

#include <map>
#include <span>
#include <string>

#include "bncheck/safetensors.hpp"
#include "core/subject.hpp"
#include "subjects/memory/single_call.hpp"

namespace bncheck {

/// Metadata of a case for a subject that is to assume a dialect: its text.
inline constexpr const char* assumed_dialect = "assumed_dialect";

/// A subject's description of itself.
struct Declared {
  std::string name, version;
  Capabilities can;
  bool takes_cases = false;  ///< whole cases, as `bncheck serve` does; else single calls
};

/// Nothing but what every program can be asked: dense float tensors one call at a time.
Capabilities modest_capabilities();
/// The words of a capability text ("f32 f16+f32", "rank channels") put into `can`. All throw FormatError that
/// names the word.
void set_dtypes(Capabilities& can, const std::string& words);
void set_errors(Capabilities& can, const std::string& words);
void set_dialect(Capabilities& can, const std::string& text);
void set_numerics(Capabilities& can, const std::string& text);

/// Longest header of a reply in bytes: what is made of it in memory is many times larger.
inline constexpr std::size_t max_reply_header = std::size_t{1} << 20;

/// What a generator of cases can do justice to: throws FormatError that names the number and its limits.
void require_possible(const Capabilities& can);

using Metadata = std::map<std::string, std::string>;

Metadata capabilities_request();
/// Throws FormatError.
Declared read_capabilities(const Archive& reply);
/// Of a subject that takes whole cases.
Metadata capabilities_reply(const Subject& subject);

Metadata call_request(const SingleCall& call);
/// The call's tensors by name; they are the call's own.
NamedTensors tensors_of(const SingleCall& call);
/// Throws FormatError.
CallReply read_call_reply(Archive reply);

/// An outcome, with of each state what differs from the one before.
struct OutcomeFrame {
  Metadata metadata;
  NamedTensors tensors;  ///< the outcome's own
};
OutcomeFrame write_outcome(const Outcome& outcome, const Case& c);
/// Throws FormatError.
Outcome read_outcome(Archive reply, const Case& c);

}  // namespace bncheck
