#pragma once
/// Laws and what violated them, on a page.

#include <string>
#include <vector>

#include "report/results.hpp"

namespace bncheck {

/// The verdict in a colour and in words.
std::string html_verdict(LawResult::Kind kind);
/// The article of this finding; `prefix` starts ids, so that several subjects fit on a page.
std::string finding_id(const std::string& prefix, const Finding& finding);
/// Law by law: statement, verdict, figures; a violated one leads to its article.
std::string html_laws(const std::string& prefix, const std::vector<Finding>& findings);
/// An article per violated law: the shrunk case, what it gave and the line that replays it.
std::string html_findings(const std::string& prefix, const std::vector<Finding>& findings,
                          const std::string& subject, const std::string& dialect);

}  // namespace bncheck
