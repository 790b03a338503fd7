#!/usr/bin/env python3
"""Looks at a page in headless Chromium: phone and desk, light and dark.

    browser.py PAGE.html            one line for each thing looked at: "ok what" or "not ok what: why"
    browser.py PAGE.html FOLDER     and pictures of it in the folder: phone-light.png, ...

Nothing but the standard library: the browser is spoken to through its pipe, in its DevTools protocol.
Status 77 without a browser.
"""

import base64, json, os, pathlib, shutil, subprocess, sys, tempfile

SIZES = {"phone": (400, 800), "desk": (1400, 1000)}
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")

# What is wrong with the page as it is laid out now, by what was looked at.
LOOK = r"""
(() => {
	const wrong = {"nothing runs out of the page": [], "every section says something": [], "text is 11 px or more": [],
		"text stands out from its ground": [], "no text lies on other text": [], "text can be reached": []};
	const say = (what, who, why) => wrong[what].push(`${who.tagName.toLowerCase()} "${who.textContent.trim().slice(0, 40)}" ${why}`);
	const root = document.documentElement;
	if (root.scrollWidth > root.clientWidth)
		say("nothing runs out of the page", root, `${root.scrollWidth} px in ${root.clientWidth}`);

	const sections = [...document.querySelectorAll("section")];
	if (!sections.length)
		wrong["every section says something"].push("there is none");
	for (const section of sections) {
		const title = section.querySelector("h2"), box = section.getBoundingClientRect();
		const rest = section.textContent.trim().length - (title ? title.textContent.trim().length : 0);
		if (!title || rest < 5 || box.height < 60 || box.width < 200)
			say("every section says something", section, `has ${rest} letters in ${box.width} x ${box.height} px`);
		for (const svg of section.querySelectorAll("svg"))
			if (![...svg.querySelectorAll("rect,path")].some(r => r.getBoundingClientRect().height >= 1))
				say("every section says something", section, "has an empty chart");
	}

	const channels = colour => (colour.match(/[\d.]+/g) || [0, 0, 0, 0]).map(Number);
	const light = colour => channels(colour).slice(0, 3).map(c => c / 255)
		.map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
	const opaque = colour => { const c = channels(colour); return c.length < 4 || c[3] > 0; };
	const ground = element => {
		if (element.ownerSVGElement) {
			const rect = element.parentElement.querySelector("rect");
			if (rect)
				return getComputedStyle(rect).fill;
		}
		for (let e = element; e; e = e.parentElement)
			if (opaque(getComputedStyle(e).backgroundColor))
				return getComputedStyle(e).backgroundColor;
		return matchMedia("(prefers-color-scheme: dark)").matches ? "rgb(18, 18, 18)" : "rgb(255, 255, 255)";
	};
	const lines = [];
	const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	for (let node = texts.nextNode(); node; node = texts.nextNode()) {
		const element = node.parentElement, style = getComputedStyle(element);
		if (!node.data.trim() || ["title", "style", "script"].includes(element.tagName.toLowerCase()))
			continue;
		const range = document.createRange();
		range.selectNodeContents(node);
		const scale = element.ownerSVGElement ? element.getScreenCTM().a : 1, size = parseFloat(style.fontSize) * scale;
		if (size < 11)
			say("text is 11 px or more", element, `is ${size} px`);
		const a = light(element.ownerSVGElement ? style.fill : style.color), b = light(ground(element));
		const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
		if (contrast < 4.5)		// WCAG, level AA
			say("text stands out from its ground", element, `by ${contrast.toFixed(2)} to 1`);
		for (const box of range.getClientRects()) {	// a graph may be scrolled, nothing else
			if (!element.ownerSVGElement && (box.left < 0 || box.right > root.clientWidth))
				say("text can be reached", element, `from ${box.left} to ${box.right} px`);
			if (box.width > 1)
				lines.push([box.top, box, element]);
		}
	}
	lines.sort((a, b) => a[0] - b[0]);
	for (let i = 0; i < lines.length; i++)
		for (let j = i + 1; j < lines.length && lines[j][0] < lines[i][1].bottom - 2; j++) {
			const a = lines[i][1], b = lines[j][1];
			if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > 2 && Math.min(a.bottom, b.bottom) - b.top > 4)
				say("no text lies on other text", lines[i][2], `under "${lines[j][2].textContent.trim().slice(0, 40)}"`);
		}
	return wrong;
})()
"""


class Browser:
	"""A browser of its own, and one page of it."""

	def __init__(self, command, home):
		down_read, self.down = os.pipe()	# what we say
		self.up, up_write = os.pipe()		# what it answers
		self.process = subprocess.Popen(
			["bash", "-c", 'exec 3<&%d 4>&%d; exec "$@" 2>"$HOME/log"' % (down_read, up_write), "-", command, "--headless=new", "--no-sandbox",
			 "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run", "--remote-debugging-pipe", "--user-data-dir=" + home, "about:blank"],
			pass_fds=(down_read, up_write), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
			env=dict(os.environ, HOME=home, XDG_CONFIG_HOME=home, XDG_CACHE_HOME=home))
		os.close(down_read)
		os.close(up_write)
		self.count, self.rest, self.session, self.events = 0, b"", None, []
		target = self.ask("Target.createTarget", url="about:blank")["targetId"]
		self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
		for domain in ("Page", "Runtime", "Log", "Network"):
			self.ask(domain + ".enable")

	def hear(self):
		"""The next message from the browser."""
		while b"\0" not in self.rest:
			piece = os.read(self.up, 1 << 20)
			if not piece:
				raise SystemExit("not ok the browser ended")
			self.rest += piece
		message, self.rest = self.rest.split(b"\0", 1)
		return json.loads(message)

	def ask(self, method, **params):
		"""Calls a method; what happens meanwhile is kept in events."""
		self.count += 1
		call = {"id": self.count, "method": method, "params": params}
		if self.session:
			call["sessionId"] = self.session
		os.write(self.down, json.dumps(call).encode() + b"\0")
		while True:
			message = self.hear()
			if message.get("id") == self.count:
				if "error" in message:
					raise SystemExit("not ok %s: %s" % (method, message["error"]))
				return message["result"]
			self.events.append(message)

	def open(self, url):
		self.events = []
		self.ask("Page.navigate", url=url)
		while not any(e.get("method") == "Page.loadEventFired" for e in self.events):
			self.events.append(self.hear())

	def end(self):
		os.close(self.down)
		try:
			self.process.wait(10)
		except subprocess.TimeoutExpired:
			self.process.kill()
			self.process.wait()


def complaints(events):
	"""What the console said, and what the page wanted from elsewhere."""
	console, asked = [], []
	for event in events:
		what, params = event.get("method"), event.get("params", {})
		if what == "Runtime.consoleAPICalled":
			console.append(str(params["args"])[:200])
		elif what == "Runtime.exceptionThrown":
			console.append(str(params["exceptionDetails"])[:200])
		elif what == "Log.entryAdded":
			console.append(params["entry"]["text"])
		elif what == "Network.requestWillBeSent":
			asked.append(params["request"]["url"])
	return console, asked[1:]	# the first is the page


def report(what, wrong):
	print("not ok %s: %s" % (what, "; ".join(wrong[:5])) if wrong else "ok " + what)


def look(browser, url, size, scheme, folder):
	width, height = SIZES[size]
	browser.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
	browser.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
	browser.open(url)
	wrong = browser.ask("Runtime.evaluate", expression=LOOK, returnByValue=True)
	if "exceptionDetails" in wrong:
		raise SystemExit("not ok " + str(wrong["exceptionDetails"]))
	title = "%s, %s: " % (size, scheme)
	for what, found in wrong["result"]["value"].items():
		report(title + what, found)
	console, asked = complaints(browser.events)
	report(title + "no word on the console", console)
	report(title + "nothing from elsewhere", asked)
	if folder:
		image = browser.ask("Page.captureScreenshot", captureBeyondViewport=True,
							clip=dict(x=0, y=0, width=width, height=1500 if size == "desk" else 1300, scale=1))["data"]
		pathlib.Path(folder, "%s-%s.png" % (size, scheme)).write_bytes(base64.b64decode(image))


def main(page, folder=None):
	command = next(filter(None, map(shutil.which, BROWSERS)), None)
	if not command:
		return 77
	with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
		browser = Browser(command, home)
		try:
			for size in SIZES:
				for scheme in ("light", "dark"):
					look(browser, pathlib.Path(page).resolve().as_uri(), size, scheme, folder)
		finally:
			browser.end()
	return 0


if __name__ == "__main__":
	sys.exit(main(*sys.argv[1:]))
