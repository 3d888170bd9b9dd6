#pragma once
/// Records of named settings as text: "preset,key=value,key=value". One table of knobs per record defines
/// what is written, what is read, and what an error message lists as expected.

#include <functional>
#include <initializer_list>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "bncheck/knob_description.hpp"
#include "bncheck/untrusted_text.hpp"

namespace bncheck {

/// One setting of a record of type R.
template <class R>
struct Knob {
  std::string key;
  std::vector<std::string> words;  ///< allowed values; empty where the value is a number
  std::string expected;            ///< the same for messages: "f64 or f32"
  std::function<std::string(const R&)> text;
  /// Sets the knob. Returns false and leaves the record unchanged if there is no such value.
  std::function<bool(R&, std::string_view)> read;
  const char* about;  ///< what it says, in a line
};

/// Descriptions of the knobs, with the values of a default record.
template <class R>
std::vector<KnobDescription> descriptions(const std::vector<Knob<R>>& knobs) {
  std::vector<KnobDescription> all;
  for (const Knob<R>& knob : knobs) all.push_back({knob.key, knob.expected, knob.text(R()), knob.about});
  return all;
}

/// "a, b or c".
inline std::string listed(const std::vector<std::string>& words) {
  std::string text;
  for (std::size_t k = 0; k < words.size(); ++k) {
    text += (k == 0 ? "" : k + 1 == words.size() ? " or " : ", ") + words[k];
  }
  return text;
}

/// Knob whose values are the enumerators 0, 1, ... of E, with these words.
template <class R, class E>
Knob<R> word_knob(std::string key, E R::* member, const std::vector<std::string>& words, const char* about) {
  const auto read = [member, words](R& record, std::string_view value) {
    for (std::size_t k = 0; k < words.size(); ++k) {
      if (words[k] == value) {
        record.*member = static_cast<E>(k);
        return true;
      }
    }
    return false;
  };
  return {std::move(key),
          words,
          listed(words),
          [member, words](const R& record) { return words[static_cast<std::size_t>(record.*member)]; },
          read,
          about};
}

template <class R>
std::vector<std::string> keys_of(const std::vector<Knob<R>>& knobs) {
  std::vector<std::string> keys;
  for (const Knob<R>& knob : knobs) keys.push_back(knob.key);
  return keys;
}

template <class R>
const Knob<R>* find_knob(const std::vector<Knob<R>>& knobs, std::string_view key) {
  for (const Knob<R>& knob : knobs) {
    if (knob.key == key) return &knob;
  }
  return nullptr;
}

/// Knob with this key. `what` names the record in messages: "dialect". Throws std::invalid_argument for an
/// unknown key.
template <class R>
const Knob<R>& known_knob(const std::vector<Knob<R>>& knobs, const std::string& key,
                          const std::string& what) {
  if (const Knob<R>* knob = find_knob(knobs, key)) return *knob;
  throw std::invalid_argument("unknown " + what + " knob " + in_quotes(key) +
                              ", expected KNOB=VALUE with one of " + listed(keys_of(knobs)));
}

/// Sets one knob. Throws std::invalid_argument for an unknown value.
template <class R>
void turn_knob(R& record, const Knob<R>& knob, const std::string& value, const std::string& what) {
  if (knob.read(record, value)) return;
  throw std::invalid_argument("unknown value " + in_quotes(value) + " of " + what + " knob '" + knob.key +
                              "', expected " + knob.expected);
}

/// Parts of a text between commas; at least one.
inline std::vector<std::string_view> parts_of(std::string_view text) {
  std::vector<std::string_view> parts;
  for (std::size_t comma = text.find(','); comma != text.npos; comma = text.find(',')) {
    parts.push_back(text.substr(0, comma));
    text.remove_prefix(comma + 1);
  }
  parts.push_back(text);
  return parts;
}

/// Sets the knobs that the parts name. Throws std::invalid_argument.
template <class R>
void turn_knobs(R& record, const std::vector<Knob<R>>& knobs, const std::vector<std::string_view>& parts,
                const std::string& what) {
  std::set<std::string> seen;
  for (const std::string_view part : parts) {
    const std::size_t equals = part.find('=');
    const std::string key(part.substr(0, equals));
    const Knob<R>& knob = known_knob(knobs, key, what);
    if (equals == part.npos) {
      throw std::invalid_argument(what + " knob '" + key + "' has no value, expected " + key +
                                  "=VALUE with " + knob.expected);
    }
    turn_knob(record, knob, std::string(part.substr(equals + 1)), what);
    if (!seen.insert(key).second) {
      throw std::invalid_argument(what + " knob '" + key + "' is given twice, expected once");
    }
  }
}

/// Text ",key=value" for every knob whose value differs from that in `base`.
template <class R>
std::string differences(const R& record, const R& base, const std::vector<Knob<R>>& knobs) {
  std::string text;
  for (const Knob<R>& knob : knobs) {
    if (knob.text(record) != knob.text(base)) text += "," + knob.key + "=" + knob.text(record);
  }
  return text;
}

}  // namespace bncheck
