#pragma once
/// One self-contained HTML page: the common parts of every report. Text that is passed as `html` is markup
/// already; everything else is escaped here.

#include <string>
#include <vector>

namespace bncheck {

/// Style and script of the page, from report/page.
extern const char* const page_style;
extern const char* const page_script;

struct PageSection {
  std::string id, title;
  std::string html;
};

/// A page with a heading, a sentence with the result, and its sections, which the navigation lists. Sections
/// without content are left out.
std::string html_page(const std::string& title, const std::string& verdict_html,
                      const std::vector<PageSection>& sections);

struct HtmlTable {
  std::string caption;
  std::vector<std::string> head_html;
  std::vector<std::vector<std::string>> html;  ///< by row; the first cell names the row
  std::size_t first_number = 1;                ///< columns from here on are numbers
  std::string style{};                         ///< class
};
/// A table in a box that scrolls if it is wider than the page. Empty for a table without rows.
std::string html_table(const HtmlTable& table);

/// List of names and values.
std::string html_facts(const std::vector<std::pair<std::string, std::string>>& facts);
std::string html_link(const std::string& id, const std::string& text);
/// Section that opens with a click.
std::string html_folded(const std::string& summary, const std::string& html, bool open = false);
std::string html_pre(const std::string& text);
std::string html_replay(const std::string& command);

/// A name as part of an id: letters, digits, - and _.
std::string html_id(const std::string& text);

}  // namespace bncheck
