"""Replay, notices, audit log and scorecard in a real browser: what people do there most."""

from __future__ import annotations

import re

from conftest import Open
from playwright.sync_api import expect

from cews.accounts import Role


def test_a_past_day_is_chosen_in_the_frame_and_nothing_can_be_changed_in_it(open_page: Open) -> None:
    page = open_page("/notices/silences?q=x", language="en", role=Role.MANAGER)
    expect(page.locator("#silence-add")).to_be_visible()
    page.locator("#replay-open").click()
    expect(page.locator(".replay")).to_contain_text("Natural graphite")
    page.locator(".replay a", has_text="Natural graphite (Chinese licensing)").click()
    expect(page).to_have_url(re.compile(r"/notices/silences\?q=x&as_of=2024-02-16$"))
    page.locator("#replay-open").click()
    page.locator("#replay-day").fill("2024-02-20")
    page.locator("#replay-go").click()
    expect(page).to_have_url(re.compile(r"/notices/silences\?q=x&as_of=2024-02-20$"))
    expect(page.locator(".banner-replay")).to_contain_text("2024-02-20")
    expect(page.locator("#silence-add")).to_be_hidden()
    page.locator(".nav-link", has_text="Items").click()
    expect(page).to_have_url(re.compile(r"/items\?as_of=2024-02-20$"))
    page.locator(".banner-replay a").click()
    expect(page).to_have_url(re.compile(r"/items$"))
    expect(page.locator(".banner-replay")).to_have_count(0)


def test_a_recipient_is_added_hears_about_something_and_gets_a_test(open_page: Open) -> None:
    page = open_page("/notices/recipients/new", language="en", role=Role.MANAGER)
    page.get_by_label("Name", exact=True).fill("Battery desk")
    page.get_by_label("E-mail").fill("no address")
    page.locator("#recipient-save").click()
    expect(page.locator("#recipient-told [role=alert]")).to_contain_text("is not an e-mail address")
    page.get_by_label("E-mail").fill("battery@example.org")
    page.locator("#recipient-save").click()
    expect(page.locator("h1")).to_have_text("Battery desk")
    page.locator("#wish-hs").fill("2504")
    page.locator("#wish-add").click()
    expect(page.locator("#recipient-wishes [role=status]")).to_have_text("Added.")
    expect(page.locator("#recipient-wishes table")).to_contain_text("2504…")
    page.locator("#reach-test").click()
    expect(page.locator("#recipient-channels [role=status]")).to_contain_text("A test waits")
    page.locator(".nav-link", has_text="Audit").click()
    expect(page.locator("#audit-chain [role=status]")).to_contain_text("holds")
    page.locator("#list-action").select_option("test")
    expect(page).to_have_url(re.compile(r"/audit\?action=test$"))
    expect(page.locator("table.audit tbody tr")).to_have_count(1)
    page.go_back()
    expect(page).to_have_url(re.compile(r"/audit$"))


def test_the_rules_are_rehearsed_as_of_a_past_day(open_page: Open) -> None:
    page = open_page("/notices/rules?as_of=2024-07-16", language="en", role=Role.VIEWER)
    page.locator("#rehearsal-go").click()
    expect(page.locator("#rehearsal tbody tr").first).to_contain_text("Supply desk")


def test_a_dead_letter_is_read_and_sent_again(open_page: Open) -> None:
    page = open_page("/notices?state=dead", language="en", role=Role.MANAGER)
    page.locator("table.notices tbody a").first.click()
    mail = page.frame_locator("iframe.mail")
    expect(mail.locator("body")).to_contain_text("C-EWS")
    expect(page.locator("#notice-state")).to_contain_text("550 no such mailbox")
    page.locator("#notice-resend").click()
    expect(page.locator("#notice-state [role=status]")).to_contain_text("It waits")


def test_a_silence_needs_a_reason_and_can_be_ended(open_page: Open) -> None:
    page = open_page("/notices/silences", language="en", role=Role.MANAGER)
    rows = page.locator("#silences-list tbody tr")
    before = rows.count()
    page.locator("#silence-hs").fill("8505")
    page.locator("#silence-add").click()
    expect(page.locator("#silences-list [role=alert]")).to_contain_text("reason")
    page.locator("#silence-hs").fill("8505")
    page.locator("#silence-reason").fill("the plant is rebuilt")
    page.locator("#silence-add").click()
    expect(rows).to_have_count(before + 1)
    page.locator("#silences-list tr", has_text="8505").get_by_role("button").click()
    expect(page.locator("#silences-list [role=status]")).to_contain_text("ended")
    expect(rows).to_have_count(before)
