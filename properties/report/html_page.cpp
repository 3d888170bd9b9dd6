#include "report/html_page.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bncheck/ascii.hpp"
#include "report/markup.hpp"

namespace bncheck {
namespace {

std::string navigation(const std::vector<PageSection>& sections) {
  std::string items;
  for (const PageSection& section : sections) {
    if (!section.html.empty()) items += "<li>" + html_link(section.id, section.title) + "</li>\n";
  }
  return "<nav aria-label=\"Sections\">\n<ul>\n" + items + "</ul>\n</nav>\n";
}

std::string show_section(const PageSection& section) {
  if (section.html.empty()) return "";
  return fmt::format(
      "<section id=\"{0}\" aria-labelledby=\"{0}-title\">\n<h2 id=\"{0}-title\">{1}</h2>\n{2}</section>\n",
      html_id(section.id), markup(section.title), section.html);
}

/// One cell; the first cell of a row is its header.
std::string cell(const HtmlTable& table, std::size_t column, const std::string& html) {
  const char* number = column >= table.first_number ? " class=\"number\"" : "";
  if (column == 0) return fmt::format("<th scope=\"row\">{}</th>", html);
  return fmt::format("<td{}>{}</td>", number, html);
}

}  // namespace

std::string html_page(const std::string& title, const std::string& verdict_html,
                      const std::vector<PageSection>& sections) {
  std::string page = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n";
  page += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";
  page += "<title>" + markup(title) + "</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>\n";
  page += std::string(page_style) + "</style>\n</head>\n<body>\n";
  page += "<a class=\"skip\" href=\"#main\">Skip to the results</a>\n";
  page += "<header>\n<h1>" + markup(title) + "</h1>\n<p class=\"verdict\">" + verdict_html + "</p>\n";
  page += navigation(sections) + "</header>\n<main id=\"main\" tabindex=\"-1\">\n";
  for (const PageSection& section : sections) page += show_section(section);
  page += "</main>\n<script>\n" + std::string(page_script) + "</script>\n</body>\n</html>\n";
  return page;
}

std::string html_table(const HtmlTable& table) {
  if (table.html.empty()) return "";
  std::string head, rows;
  for (std::size_t k = 0; k < table.head_html.size(); ++k) {
    head += fmt::format("<th scope=\"col\"{}>{}</th>", k >= table.first_number ? " class=\"number\"" : "",
                        table.head_html[k]);
  }
  for (const std::vector<std::string>& row : table.html) {
    rows += "<tr>";
    for (std::size_t k = 0; k < row.size(); ++k) rows += cell(table, k, row[k]);
    rows += "</tr>\n";
  }
  return fmt::format(
      "<div class=\"scroll\" role=\"region\" aria-label=\"{0}\" tabindex=\"0\">\n<table class=\"{1}\">\n"
      "<caption>{0}</caption>\n<thead><tr>{2}</tr></thead>\n<tbody>\n{3}</tbody>\n</table>\n</div>\n",
      markup(table.caption), html_id(table.style), head, rows);
}

std::string html_facts(const std::vector<std::pair<std::string, std::string>>& facts) {
  std::string items;
  for (const auto& [name, value] : facts) {
    items += fmt::format("<dt>{}</dt><dd>{}</dd>\n", markup(name), markup(value));
  }
  return "<dl>\n" + items + "</dl>\n";
}

std::string html_link(const std::string& id, const std::string& text) {
  return fmt::format("<a href=\"#{}\">{}</a>", html_id(id), markup(text));
}

std::string html_folded(const std::string& summary, const std::string& html, bool open) {
  return fmt::format("<details{}>\n<summary>{}</summary>\n{}</details>\n", open ? " open" : "",
                     markup(summary), html);
}

std::string html_pre(const std::string& text) {
  return "<pre tabindex=\"0\">" + markup(text) + "</pre>\n";
}

std::string html_replay(const std::string& command) {
  return "<p>replay: <code class=\"replay\">" + markup(command) + "</code></p>\n";
}

std::string html_id(const std::string& text) {
  std::string id = text;
  for (char& letter : id) {
    if (!is_letter_or_digit(letter) && letter != '_') letter = '-';
  }
  return id;
}

}  // namespace bncheck
