#pragma once
/// Laws and their violations, on a page.

#include <string>
#include <vector>

#include "report/results.hpp"

namespace bncheck {

/// The verdict in words and in a colour.
std::string html_verdict(std::string_view word);
/// Id of the article of this finding; `prefix` starts ids, so that several subjects fit on a page.
std::string finding_id(const std::string& prefix, const Finding& finding);
/// Table of laws: statement, verdict, figures; a violated law has a link to its article.
std::string html_laws(const std::string& prefix, const std::vector<Finding>& findings);
/// One article per violated law: the shrunk case, its outcome and the line that replays it.
std::string html_findings(const std::string& prefix, const std::vector<Finding>& findings,
                          const std::string& subject, const Declaration& declared);

}  // namespace bncheck
