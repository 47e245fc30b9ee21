# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The looks of the page: light, dark and on paper. Data only; page.py imports it."""

from __future__ import annotations

CSS = """
:root{color-scheme:light dark;--page:#f5f6f8;--card:#fff;--line:#e2e5ea;--soft:#eef0f3;--text:#1c2330;--dim:#667084;
--ok:#1a7f37;--warning:#a15c00;--error:#cf222e;--note:#3b6fd4;--ok-soft:#e3f4e8;--warning-soft:#fdf1dc;--error-soft:#fdeaea;--note-soft:#e8effc;
--s0:#4269d0;--s1:#e39c1a;--s2:#e8604c;--s3:#39a08c;--s4:#9467d9;--s5:#d9689a;--s6:#8b93a3}
@media (prefers-color-scheme:dark){:root{--page:#0f1217;--card:#181c23;--line:#2b313b;--soft:#232933;--text:#e4e8ee;--dim:#98a2b3;
--ok:#4cc26a;--warning:#e3a33c;--error:#ff6b61;--note:#7aa5ff;--ok-soft:#15301d;--warning-soft:#33270f;--error-soft:#3b191a;--note-soft:#1a2740;
--s0:#6d8ff0;--s1:#f0b545;--s2:#ff7f6b;--s3:#55c2ad;--s4:#b08cf0;--s5:#f08ab5;--s6:#8b93a3}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);font:14px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif}
main{max-width:1240px;margin:0 auto;padding:28px 24px 48px}
header{display:flex;align-items:center;gap:14px;flex-wrap:wrap;margin-bottom:20px}
h1{font-size:24px;line-height:1.2;margin:0;letter-spacing:-.01em}
h2{font-size:16px;margin:34px 0 12px;letter-spacing:-.005em}
h2 small,h3 small{font-weight:400;color:var(--dim);font-size:13px;margin-left:8px}
h3{font-size:13px;margin:0 0 8px;font-weight:600}
header time{color:var(--dim);margin-left:auto}
.pill{display:inline-block;padding:2px 11px;border-radius:99px;font-weight:600;font-size:12px;white-space:nowrap}
.pill.ok,.tag.ok{background:var(--ok-soft);color:var(--ok)}.pill.warning,.tag.warning{background:var(--warning-soft);color:var(--warning)}
.pill.error,.tag.error{background:var(--error-soft);color:var(--error)}.pill.note,.tag.note{background:var(--note-soft);color:var(--note)}
.tag{display:inline-block;padding:1px 8px;border-radius:6px;font-size:12px;font-weight:600;white-space:nowrap}
.tag.none{background:var(--soft);color:var(--dim)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(170px,1fr));gap:12px}
.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:14px 16px;min-width:0}
.tile b{display:block;font-size:26px;line-height:1.2;font-weight:650;letter-spacing:-.02em;font-variant-numeric:tabular-nums}
.tile b span{font-size:15px;font-weight:500;color:var(--dim);letter-spacing:0}
.tile em{font-style:normal;color:var(--dim);font-size:12.5px;display:block}
.tile .bar{margin-top:8px}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,480px),1fr));gap:12px}
svg{display:block;width:100%;height:auto}
svg text{fill:var(--dim);font-size:11px;font-family:inherit}
svg text.strong{fill:var(--text)}
svg .grid{stroke:var(--line);stroke-width:1}
svg .bad{fill:var(--error)}svg .back{fill:var(--soft)}
svg .plan{stroke:var(--text);stroke-width:1.5;fill:none}
.f0{fill:var(--s0)}.f1{fill:var(--s1)}.f2{fill:var(--s2)}.f3{fill:var(--s3)}.f4{fill:var(--s4)}.f5{fill:var(--s5)}.f6{fill:var(--s6)}
.l0,.l1{fill:none;stroke-width:2;stroke-linejoin:round}.l0{stroke:var(--s0)}.l1{stroke:var(--s1)}
.legend{display:flex;flex-wrap:wrap;gap:4px 14px;color:var(--dim);font-size:12px;margin:6px 0 0;padding:0;list-style:none}
.legend i{display:inline-block;width:10px;height:10px;border-radius:3px;margin-right:6px;vertical-align:-1px}
.b0{background:var(--s0)}.b1{background:var(--s1)}.b2{background:var(--s2)}.b3{background:var(--s3)}.b4{background:var(--s4)}
.b5{background:var(--s5)}.b6{background:var(--s6)}.bbad{background:var(--error)}.bplan{background:none;border:1.5px solid var(--text)}
.problems{padding:0;overflow:hidden}
.problem{border-left:4px solid var(--note);padding:9px 16px 9px 14px;display:grid;grid-template-columns:76px minmax(110px,190px) 1fr;gap:2px 12px}
.problem+.problem,.problems details{border-top:1px solid var(--line)}
.problem.error{border-left-color:var(--error)}.problem.warning{border-left-color:var(--warning)}
.problem p,.problem b{margin:0;overflow-wrap:anywhere}.problem .remedy{color:var(--dim)}.problem .remedy::before{content:"\\2192  "}
.wide{overflow-x:auto;padding:4px 0}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th{font-size:12px;font-weight:500;color:var(--dim);text-align:left;white-space:nowrap}
th,td{padding:6px 14px;border-bottom:1px solid var(--line);vertical-align:middle}
tr:last-child td{border-bottom:0}
td.n,th.n{text-align:right;white-space:nowrap}
.card:not(.wide)>table td:first-child{padding-left:0}.card:not(.wide)>table td:last-child{padding-right:0}
td.name{font-weight:600;overflow-wrap:anywhere}td.dim,.dim{color:var(--dim)}
td small{display:block;color:var(--dim);font-weight:400}
code{font:12px/1.4 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;overflow-wrap:anywhere}
.bar{display:block;position:relative;height:7px;border-radius:4px;background:var(--soft);min-width:70px;overflow:hidden}
.bar i{position:absolute;inset:0 auto 0 0;border-radius:4px;background:var(--s0)}
.bar i.warning{background:var(--warning)}.bar i.error{background:var(--error)}.bar i.ok{background:var(--ok)}
.bar u{position:absolute;top:0;bottom:0;width:2px;background:var(--text);opacity:.75}
.strip{height:34px;width:auto;max-width:none;margin:3px 0 4px}
.map{display:flex;flex-wrap:wrap;gap:10px 16px;margin-bottom:12px}
.map div{font-size:11.5px;color:var(--dim)}.map .strip{height:26px;margin:2px 0 0}.map .bad{color:var(--error);font-weight:600}
td.name{min-width:150px;max-width:280px}
td .bar{min-width:110px;margin-top:3px}td small{margin-top:2px}
.three{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,330px),1fr));gap:12px}
.dot{display:inline-block;width:10px;height:10px;border-radius:50%;margin:0 4px 0 0;vertical-align:-1px;background:var(--dim)}
.dot.ok{background:var(--ok)}.dot.warning{background:var(--warning)}.dot.error{background:var(--error)}.dot.note{background:var(--note)}
details{margin:0}summary{cursor:pointer;color:var(--dim);padding:8px 14px}
.empty{color:var(--dim);margin:0}
footer{color:var(--dim);font-size:12px;margin-top:36px}
@media (max-width:640px){main{padding:16px 12px}.problem{grid-template-columns:1fr}header time{margin-left:0}}
@media print{:root{color-scheme:light;--page:#fff;--card:#fff;--line:#d5d9e0;--soft:#eceef2;--text:#111;--dim:#555;
--ok:#1a7f37;--warning:#8a5000;--error:#b81c27;--note:#2757b8;--ok-soft:#e3f4e8;--warning-soft:#fdf1dc;--error-soft:#fdeaea;--note-soft:#e8effc;
--s0:#4269d0;--s1:#e39c1a;--s2:#e8604c;--s3:#39a08c;--s4:#9467d9;--s5:#d9689a;--s6:#8b93a3}
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}
main{max-width:none;padding:0}body{font-size:11px}.card,.problem,tr,svg{break-inside:avoid}h2{break-after:avoid}
.charts{grid-template-columns:1fr 1fr}.tiles{grid-template-columns:repeat(3,1fr)}.wide{overflow:visible}th,td{padding:4px 7px}
details::details-content{content-visibility:visible;block-size:auto}summary{display:none}}
"""
