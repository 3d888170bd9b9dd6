/// Reports as pages: untrusted text does not become markup, links have targets, charts show their data.

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <regex>
#include <set>

#include "laws/catalogue.hpp"
#include "report/embedded_case.hpp"
#include "report/html_charts.hpp"
#include "report/html_page.hpp"
#include "report/html_report.hpp"
#include "report/junit.hpp"
#include "report/markdown.hpp"
#include "report/markup.hpp"
#include "report_saying.hpp"
#include "support.hpp"

namespace bncheck::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr double infinity = std::numeric_limits<double>::infinity();

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

TEST(Markup, ReferencesWhatWouldBeMarkup) {
  EXPECT_EQ(markup("a<b> & \"c\" 'd'"), "a&lt;b&gt; &amp; &quot;c&quot; &#39;d&#39;");
}

TEST(Markup, KeepsTextAndEscapesWhatNoPageCanHold) {
  EXPECT_EQ(markup("\tµ = 1\n😀"), "\tµ = 1\n😀");
  EXPECT_EQ(markup(std::string_view("a\0b\x1b[31m<", 9)), "a\\x00b\\x1b[31m&lt;");
  EXPECT_EQ(markup("\xff\uffff\r"), "\\xff\\uffff\\r");
}

TEST(Markdown, CellsStayCells) {
  EXPECT_EQ(markdown_cell("a|b_c*d<e\nf"), "a\\|b\\_c\\*d\\<e\\\\nf");
  EXPECT_EQ(markdown_cell("\\|[x](y)`z`"), "\\\\\\|\\[x\\](y)\\`z\\`");
  EXPECT_LT(markdown_cell(std::string(1 << 20, '|')).size(), 10'000U);
}

TEST(Histogram, HasABarForEachBinInUse) {
  LogHistogram histogram;
  for (const double value : {0.0, 0.3, 0.3, 700.0, infinity}) histogram.add(value);
  const std::string svg = svg_histogram({"id", "errors of <y>", "ulps"}, histogram);
  EXPECT_EQ(count(svg, "class=\"bar\""), 4U);
  EXPECT_THAT(svg, HasSubstr("<title>0.25 to 0.5 ulps: 2 elements</title>"));
  EXPECT_THAT(svg, HasSubstr("role=\"img\" aria-labelledby=\"id-title id-desc\""));
  EXPECT_THAT(svg, HasSubstr("errors of &lt;y&gt;"));
  EXPECT_EQ(svg_histogram({"id", "nothing", "ulps"}, {}), "");
}

/// More elements give a higher bar; all bars are within the picture.
TEST(Histogram, BarsAreOrderedByCount) {
  LogHistogram histogram;
  for (int k = 0; k < 1000; ++k) histogram.add(1);
  histogram.add(2);
  const std::string svg = svg_histogram({"id", "t", "ulps"}, histogram);
  const std::regex height(R"re(class="bar" x="[\d.]+" y="([\d.]+)" width="[\d.]+" height="([\d.]+)")re");
  std::vector<double> heights;
  for (std::sregex_iterator at(svg.begin(), svg.end(), height), end; at != end; ++at) {
    EXPECT_GE(std::stod((*at)[1]), 0);
    heights.push_back(std::stod((*at)[2]));
  }
  ASSERT_EQ(heights.size(), 2U);
  EXPECT_GT(heights[0], heights[1]);
  EXPECT_GT(heights[1], 0);
}

TEST(Scatter, HasEveryPointAndLeadsToCases) {
  const std::vector<ErrorPoint> points{{1.5, 0, 10}, {1.5, 0.5, 1}, {1e6, 4000, 2}, {1e6, infinity, 1}};
  const std::vector<LinkedPoint> linked{{1e6, 4000, "case-1", "the \"worst\""},
                                        {std::nan(""), 1, "case-2", "no place"}};
  const std::string svg = svg_scatter({"id", "t", "ulps"}, points, linked);
  EXPECT_EQ(count(svg, "class=\"point\""), 4U);
  EXPECT_EQ(count(svg, "class=\"worst\""), 1U);
  EXPECT_THAT(svg, HasSubstr("<a href=\"#case-1\" aria-label=\"the &quot;worst&quot;\">"));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  const std::regex place(R"re(c[xy]="([^"]+)")re");
  for (std::sregex_iterator at(svg.begin(), svg.end(), place), end; at != end; ++at) {
    EXPECT_GE(std::stod((*at)[1]), 0);
    EXPECT_LE(std::stod((*at)[1]), 360);
  }
}

TEST(EmbeddedCase, IsBase64OfTheFileUnlessItIsLarge) {
  const CaseFile small{forward_case(true, {2, 1}, {1, 2}), {{"law", "zero_mean"}}};
  const std::string url = case_url(small).value();
  EXPECT_TRUE(url.starts_with("data:application/octet-stream;base64,"));
  const std::size_t bytes = write_archive(to_archive(small)).size();
  EXPECT_EQ(url.size() - url.find(',') - 1, (bytes + 2) / 3 * 4);
  EXPECT_EQ(case_url({forward_case(true, {100'000, 1}, std::vector<float>(100'000, 1)), {}}), std::nullopt);
}

const std::string hostile = "<script>alert('x')</script>\"&\x01\xff";

CheckReport hostile_report() {
  CheckReport report = report_saying(hostile, hostile, hostile, hostile);
  PassErrors& errors = report.accuracy[Pass::training];
  Error error;
  error.ratio = error.ulps = 3;
  errors.outputs[Output::y].figures.add(error);
  errors.outputs[Output::y].ulps.add(3);
  errors.outputs[Output::y].scatter.add(2, 3);
  errors.worst.push_back({forward_case(true, {2, 1}, {1, 2}), {0, Output::y, 1, 2, 1, error}, 2});
  return report;
}

League hostile_league() {
  League league;
  league.command = league.bncheck_version = hostile;
  Contestant contestant{hostile, hostile};
  contestant.measured.emplace(*dialect_named("pytorch"));
  contestant.measured->deaths.push_back({&all_workloads().front(), 3, hostile});
  contestant.laws = hostile_report().findings;
  league.contestants.push_back(std::move(contestant));
  league.contestants.push_back({hostile, "", hostile});
  return league;
}

void expect_tame(const std::string& page) {
  EXPECT_EQ(count(page, "<script>"), 1U);  // the page's own
  EXPECT_EQ(page.find("alert('x')"), std::string::npos);
  EXPECT_EQ(page.find('\x01'), std::string::npos);
  EXPECT_EQ(page.find('\xff'), std::string::npos);
  EXPECT_THAT(page, HasSubstr("&lt;script&gt;alert(&#39;x&#39;)"));
}

std::set<std::string> all_matches(const std::string& page, const std::string& pattern) {
  std::set<std::string> found;
  const std::regex regex(pattern);
  for (std::sregex_iterator at(page.begin(), page.end(), regex), end; at != end; ++at) found.insert((*at)[1]);
  return found;
}

void expect_links_lead_somewhere(const std::string& page) {
  const std::set<std::string> ids = all_matches(page, R"re( id="([^"]*)")re");
  for (const std::string& target : all_matches(page, R"re(href="#([^"]*)")re")) {
    EXPECT_TRUE(ids.contains(target)) << target;
  }
}

TEST(HtmlReport, ForeignTextStaysText) {
  expect_tame(check_html(hostile_report(), {hostile, hostile}, hostile));
  expect_tame(league_html(hostile_league()));
}

TEST(HtmlReport, LinksLeadSomewhere) {
  const std::string page = check_html(hostile_report(), {}, "1");
  expect_links_lead_somewhere(page);
  EXPECT_THAT(page, HasSubstr("href=\"#law-zero_mean\""));
  EXPECT_THAT(page, HasSubstr("href=\"#training-case-1\""));
  expect_links_lead_somewhere(league_html(hostile_league()));
}

TEST(HtmlReport, TellsLawsWithTheirStatements) {
  const std::string page = check_html(hostile_report(), {}, "1");
  EXPECT_THAT(page, HasSubstr(markup(law_named("zero_mean")->statement)));
  EXPECT_THAT(page, HasSubstr("<span class=\"violated\">wrong</span>"));
}

TEST(Junit, ForeignTextStaysText) {
  const std::string xml = to_junit(hostile_report(), {hostile, hostile});
  EXPECT_EQ(count(xml, "<script>"), 0U);
  EXPECT_EQ(xml.find('\x01'), std::string::npos);
  EXPECT_EQ(xml.find('\xff'), std::string::npos);
  EXPECT_THAT(xml, HasSubstr("tests=\"2\" failures=\"1\" errors=\"0\" skipped=\"1\""));
}

}  // namespace
}  // namespace bncheck::test
