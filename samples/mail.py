"""mail.eml: a message about an incident, as text and HTML, with two attachments."""

from __future__ import annotations

from email.message import EmailMessage
from email.policy import SMTP

from samples.flow import Look, Parts, compose
from samples.lines import SERIF
from samples.markup import read
from samples.report import finished

TEXT = """Dear Wiebke, dear Anders,

the short version: turbine HN-27 is standing still, nobody was hurt, and it will take about four weeks.

The safety chain stopped the rotor this morning at 03:42 because of vibration at the front main bearing. I was on board with Oke
at noon. The inner ring is spalled over a quarter of its circumference. We have locked the rotor; the protocol follows tomorrow.

What we need:
- a bearing NB 2400-36. There is none in Esbjerg. Cantabria quotes 13 days and EUR 214,000.
- a jack-up vessel. Brage is free from 9 October at EUR 145,000 a day.
- your decision by Friday 20 September, 12:00, or the slot of the vessel goes to another operator.

I have told the insurer; the claim has the number V-88-204617. The deductible is EUR 250,000.

Jette Mommsen
Shift leader, Hallig Nord
"""
HTML = """<html><body style="font-family: Calibri, sans-serif">
<p>Dear Wiebke, dear Anders,</p>
<p>the short version: turbine <b>HN-27</b> is standing still, nobody was hurt, and it will take about four weeks.</p>
<p>The safety chain stopped the rotor this morning at 03:42 because of vibration at the front main bearing. I was on board with Oke
at noon. The inner ring is spalled over a quarter of its circumference. We have locked the rotor; the protocol follows tomorrow.</p>
<p>What we need:</p>
<ul>
<li>a bearing NB 2400-36. There is none in Esbjerg. Cantabria quotes 13 days and EUR 214,000.</li>
<li>a jack-up vessel. <i>Brage</i> is free from 9 October at EUR 145,000 a day.</li>
<li>your decision by <b>Friday 20 September, 12:00</b>, or the slot of the vessel goes to another operator.</li>
</ul>
<p>I have told the insurer; the claim has the number V-88-204617. The deductible is EUR 250,000.</p>
<p>Jette Mommsen<br>Shift leader, Hallig Nord</p>
<img src="https://pixel.nordlicht-energie.example/open.gif" width="1" height="1" alt="">
</body></html>
"""
READINGS = """time;position;mm_per_s
2024-09-17T03:10;front;2.5
2024-09-17T03:20;front;2.7
2024-09-17T03:30;front;4.4
2024-09-17T03:40;front;7.1
2024-09-17T03:42;front;7.9
"""


def offer() -> bytes:
    """The PDF that came with the mail."""
    return finished(compose(read("offer.md"), Look(SERIF), Parts()), "Offer 24-3051", "Cantabria Rodamientos S.L.")


def make() -> bytes:
    message = EmailMessage(policy=SMTP)
    message["From"] = "Jette Mommsen <j.mommsen@nordlicht-energie.example>"
    message["To"] = "Wiebke Carstensen <w.carstensen@nordlicht-energie.example>, Anders Lindqvist <a.lindqvist@nordlicht-energie.example>"
    message["Cc"] = "purchasing@nordlicht-energie.example"
    message["Subject"] = "HN-27 stopped: main bearing damaged, decision needed by Friday"
    message["Date"] = "Tue, 17 Sep 2024 17:55:00 +0200"
    message["Message-ID"] = "<20240917155500.hn27@nordlicht-energie.example>"
    message.set_content(TEXT, cte="quoted-printable")
    message.add_alternative(HTML, subtype="html", cte="quoted-printable")
    message.add_attachment(READINGS.encode(), maintype="text", subtype="csv", filename="vibration.csv")
    message.add_attachment(offer(), maintype="application", subtype="pdf", filename="Offer 24-3051.pdf")
    for part, boundary in zip((part for part in message.walk() if part.is_multipart()), ("outer-7c1e", "inner-7c1e"), strict=True):
        part.set_boundary(f"=_nordlicht-{boundary}")
    return message.as_bytes()
