#pragma once
/// Reports as one self-contained HTML file each: no script, style, picture or font comes from elsewhere.

#include <string>

#include "report/audit_report.hpp"
#include "report/league.hpp"
#include "report/results.hpp"

namespace bncheck {

/// `version` is that of this program.
std::string check_html(const CheckReport& report, const Declaration& declared, const std::string& version);
std::string league_html(const League& league);
std::string audit_html(const AuditReport& report);

}  // namespace bncheck
