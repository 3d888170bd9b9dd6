#pragma once
/// Contents of the frames: capabilities, single calls and their replies, and, between bncheck and a `bncheck
/// serve`, whole cases and their outcomes. PROTOCOL.md describes capabilities and single calls to the authors
/// of programs.

#include <map>
#include <span>
#include <string>
#include <vector>

#include "bncheck/safetensors.hpp"
#include "core/subject.hpp"
#include "subjects/memory/single_call.hpp"

namespace bncheck {

/// Metadata key of a case for a subject that is to assume a dialect; its value is the text of the dialect.
inline constexpr const char* assumed_dialect = "assumed_dialect";

/// A subject's description of itself.
struct Declared {
  std::string name, version;
  Capabilities can;
  bool takes_cases = false;  ///< takes whole cases, as `bncheck serve` does; otherwise single calls
};

/// Capabilities that are taken for granted in every program: dense float tensors, one call at a time.
Capabilities modest_capabilities();
/// Put the words of a capability text ("f32 f16+f32", "rank channels") into `can`. All throw FormatError,
/// which names the word.
void set_dtypes(Capabilities& can, const std::string& words);
void set_errors(Capabilities& can, const std::string& words);
void set_dialect(Capabilities& can, const std::string& text);
void set_numerics(Capabilities& can, const std::string& text);

/// Longest header of a reply, in bytes. A parsed header takes many times its size in memory.
inline constexpr std::size_t max_reply_header = std::size_t{1} << 20;

/// Throws FormatError, which names the number and its limits, if a generator of cases cannot serve these
/// capabilities.
void require_possible(const Capabilities& can);

using Metadata = std::map<std::string, std::string>;

/// Key of the reply to the request for capabilities, and its counterpart in the C interface.
struct CapabilityKey {
  std::string key, usual;  ///< usual: value where none is given
  std::string values, field, about;
};
const std::vector<CapabilityKey>& capability_keys();

Metadata capabilities_request();
/// Throws FormatError.
Declared read_capabilities(const Archive& reply);
/// Reply of a subject that takes whole cases.
Metadata capabilities_reply(const Subject& subject);

Metadata call_request(const SingleCall& call);
/// Tensors of the call by name. They are not copied, so the call must outlive them.
NamedTensors tensors_of(const SingleCall& call);
/// Throws FormatError.
CallReply read_call_reply(Archive reply);

/// An outcome. Of each state it has the tensors that differ from the state before.
struct OutcomeFrame {
  Metadata metadata;
  NamedTensors tensors;  ///< not copied, so the outcome must outlive them
};
OutcomeFrame write_outcome(const Outcome& outcome, const Case& c);
/// Throws FormatError.
Outcome read_outcome(Archive reply, const Case& c);

}  // namespace bncheck
