// <millrace-drop signaling="wss://…" secret="…"> sends the files that are dropped on it to the other element with the same two
// attributes. It fires 'sent' and 'received' with the receipt as `detail`, and 'error' with the error. While it is connected it
// has the attribute `ready`. The CSS property `--done` is the finished part of the newest transfer, 0 to 1.
import { connect } from 'millrace';
import { webSocketSignaling } from 'millrace/signaling';

class MillraceDrop extends HTMLElement {
  #leaving;
  #peer;

  async connectedCallback() {
    this.#leaving = new AbortController();
    const { signal } = this.#leaving;
    this.addEventListener('dragover', (event) => event.preventDefault(), { signal });
    this.addEventListener('drop', (event) => this.#drop(event), { signal });
    try {
      const signaling = webSocketSignaling(this.getAttribute('signaling'));
      const peer = await connect({ signaling, secret: this.getAttribute('secret'), signal });
      peer.onincoming = (offer) => void this.#follow(offer.accept(), 'received');
      peer.addEventListener('statechange', () => this.toggleAttribute('ready', peer.state === 'connected'));
      this.toggleAttribute('ready', true);
      this.#peer = peer;
    } catch (error) {
      if (!signal.aborted) this.#tell('error', error);
    }
  }

  disconnectedCallback() {
    this.#leaving.abort(); // Ends the session, or the attempt.
    this.#peer = undefined;
  }

  #drop(event) {
    event.preventDefault();
    const files = [...event.dataTransfer.files];
    if (this.#peer && files.length > 0) void this.#follow(this.#peer.send(files), 'sent');
  }

  async #follow(transfer, name) {
    transfer.addEventListener('progress', ({ bytes, totalBytes }) => this.style.setProperty('--done', bytes / (totalBytes || 1)));
    try {
      this.#tell(name, await transfer.done);
    } catch (error) {
      this.#tell('error', error);
    }
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

customElements.define('millrace-drop', MillraceDrop);
